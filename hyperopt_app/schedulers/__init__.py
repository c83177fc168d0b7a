# SPDX-License-Identifier: MIT
"""Slurm and PBS: where a worker runs, what the queue says of it, how long its job lasts; knows no study."""
