# SPDX-License-Identifier: MIT
"""The report on a study: summary, best configuration, plots."""
