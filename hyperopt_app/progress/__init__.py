# SPDX-License-Identifier: MIT
"""The live display of a running sweep."""
