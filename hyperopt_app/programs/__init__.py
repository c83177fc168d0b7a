# SPDX-License-Identifier: MIT
"""Run a program of any language as a trial's objective: start it, follow what it reports, end it."""
