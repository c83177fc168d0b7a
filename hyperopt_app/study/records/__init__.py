# SPDX-License-Identifier: MIT
"""The forms of the records that a study holds; `study.trial_records` reads and writes them."""
