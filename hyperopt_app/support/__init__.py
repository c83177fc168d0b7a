# SPDX-License-Identifier: MIT
"""Locks, files, passwords and texts; knows nothing of studies."""
