# SPDX-License-Identifier: MIT
"""What user code sees of its trial, and how its return value becomes the trial's outcome."""
