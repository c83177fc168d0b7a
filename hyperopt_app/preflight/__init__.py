# SPDX-License-Identifier: MIT
"""Check a command and collect all its errors before anything is created or started."""
