# SPDX-License-Identifier: MIT
"""One trial on several processes (ranks): how they join it, get rank zero's answers and end together."""
