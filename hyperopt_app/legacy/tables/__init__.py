# SPDX-License-Identifier: MIT
"""The original's result tables and its best.yml."""
