# SPDX-License-Identifier: MIT
"""Trials as rows of plain values: selected, ordered, formatted, exported."""
