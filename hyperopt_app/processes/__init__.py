# SPDX-License-Identifier: MIT
"""Processes of the operating system: which live, how ours are started and how a family of them ends."""
