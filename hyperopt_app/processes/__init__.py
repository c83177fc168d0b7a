# SPDX-License-Identifier: MIT
"""Operating-system processes: which are alive, how ours are started, how a process and its descendants are ended."""
