# SPDX-License-Identifier: MIT
"""Write a pair of the original's files as a Hydra config."""
