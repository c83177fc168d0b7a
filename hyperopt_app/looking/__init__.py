# SPDX-License-Identifier: MIT
"""A study as people look at it: a view that is read once, tables, summary, health checks; writes nothing."""
