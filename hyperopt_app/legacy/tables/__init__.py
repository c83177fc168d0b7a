# SPDX-License-Identifier: MIT
"""The original's tables of results and its best.yml."""
