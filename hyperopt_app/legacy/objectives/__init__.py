# SPDX-License-Identifier: MIT
"""Run an objective.py of the original as an objective of this package."""
