# SPDX-License-Identifier: MIT
"""The parts of `benchmarks/gpu.py`, which measures searches on a machine with one GPU."""
