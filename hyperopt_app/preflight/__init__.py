# SPDX-License-Identifier: MIT
"""What is wrong with a command, all of it at once, before anything is made or started."""
