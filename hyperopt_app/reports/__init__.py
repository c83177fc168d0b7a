# SPDX-License-Identifier: MIT
"""The report on a study: summary, table, plots, importances."""
