# SPDX-License-Identifier: MIT
"""The result files of a study: best.yaml, trials.csv, and the command that retrains the best trial."""
