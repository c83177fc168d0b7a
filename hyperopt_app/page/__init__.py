# SPDX-License-Identifier: MIT
"""The report page: one HTML file about a study that opens offline."""
