# SPDX-License-Identifier: MIT
"""Examine a command before it searches: config, objective, directory, locks, storage, scheduler, GPUs, cost."""
