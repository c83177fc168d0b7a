# SPDX-License-Identifier: MIT
"""What user code sees of its trial, and what becomes of what it returns."""
