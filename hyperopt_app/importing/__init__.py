# SPDX-License-Identifier: MIT
"""Trials of another study or of a table, as finished trials of a study from which samplers learn."""
