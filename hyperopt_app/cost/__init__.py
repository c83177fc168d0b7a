# SPDX-License-Identifier: MIT
"""What a study costs: when its workers were at work, what became of that time, and budgets of time."""
