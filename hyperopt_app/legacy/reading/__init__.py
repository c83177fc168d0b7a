# SPDX-License-Identifier: MIT
"""Read the two YAML files of the original in all their dialects, and collect all errors."""
