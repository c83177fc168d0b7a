# SPDX-License-Identifier: MIT
"""Translate the batch blocks of the original (Slurm or PBS headers) into launcher settings."""
