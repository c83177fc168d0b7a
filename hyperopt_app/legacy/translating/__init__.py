# SPDX-License-Identifier: MIT
"""Translate a pair of the original's files into a Hydra config."""
