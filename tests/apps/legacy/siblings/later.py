# SPDX-License-Identifier: MIT
"""A module beside an objective that it imports only when it trains."""

NOTHING = 0
