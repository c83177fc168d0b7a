# SPDX-License-Identifier: MIT
"""A snapshot of what a journal says, so that a large study opens fast."""
