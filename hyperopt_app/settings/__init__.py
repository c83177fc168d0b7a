# SPDX-License-Identifier: MIT
"""Read the sweeper's settings, translate old dialects, point out mistakes, and fit samplers and pruners."""
