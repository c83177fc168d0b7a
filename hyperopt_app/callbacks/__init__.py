# SPDX-License-Identifier: MIT
"""Callbacks that connect a training framework to the running trial; each module needs its own framework."""
