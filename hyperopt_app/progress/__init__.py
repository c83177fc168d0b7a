# SPDX-License-Identifier: MIT
"""The live table of a study."""
