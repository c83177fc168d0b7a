# SPDX-License-Identifier: MIT
"""What a study leaves for people: best.yaml, trials.csv, and the command that trains the best again."""
