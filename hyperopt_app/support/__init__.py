# SPDX-License-Identifier: MIT
"""Locks, processes, passwords and texts; knows nothing of studies."""
