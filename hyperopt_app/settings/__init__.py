# SPDX-License-Identifier: MIT
"""What the user has written for the sweeper: read, old dialects translated, slips pointed out, classes fitted."""
