# SPDX-License-Identifier: MIT
"""Simulated searches: how soon a sampler and a pruner find a configuration among the best 1 %."""
