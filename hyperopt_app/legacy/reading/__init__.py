# SPDX-License-Identifier: MIT
"""Read the two YAML files of the original: every dialect, all faults at once."""
