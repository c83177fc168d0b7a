# SPDX-License-Identifier: MIT
"""Learn from learning curves: the sampler `curves` and the pruner `forecast`, with one model of reports."""
