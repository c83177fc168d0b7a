# SPDX-License-Identifier: MIT
"""The batch blocks of the original: a Slurm or PBS header becomes a launcher's settings."""
