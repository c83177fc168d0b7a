# SPDX-License-Identifier: MIT
"""The commands of `hyperopt-app` that take a study: their arguments, and what they print."""
