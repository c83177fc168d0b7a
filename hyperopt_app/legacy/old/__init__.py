# SPDX-License-Identifier: MIT
"""Find, read and continue studies that another tool has created."""
