# SPDX-License-Identifier: MIT
"""Samplers, which propose the points of a study, and pruners."""
