# SPDX-License-Identifier: MIT
"""Studies that another tool has begun: found, read, taken over."""
