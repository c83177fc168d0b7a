# SPDX-License-Identifier: MIT
"""The search space: parameters, points, text form, and differences between two spaces."""
