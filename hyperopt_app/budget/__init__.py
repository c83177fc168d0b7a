# SPDX-License-Identifier: MIT
"""The exact budget of a study: its tickets, which worker holds each, and which trials no longer count."""
