# SPDX-License-Identifier: MIT
"""The driver: the process of the user's command, which checks it, opens the study, launches workers and reports."""
