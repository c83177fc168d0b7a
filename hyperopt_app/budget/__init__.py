# SPDX-License-Identifier: MIT
"""The exact budget of a study: its tickets, how workers hold them, and which trials no longer count."""
