# SPDX-License-Identifier: MIT
"""Which trials of a study are the best, and in which order."""
