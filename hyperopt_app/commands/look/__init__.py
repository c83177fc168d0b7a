# SPDX-License-Identifier: MIT
"""Commands that look at studies and write nothing in them."""
