# SPDX-License-Identifier: MIT
"""The command that the user typed: check, open the study, issue tickets, launch workers, watch, conclude."""
