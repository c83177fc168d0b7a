# SPDX-License-Identifier: MIT
"""One study: which it is, its plan, its trials as they are stored, signs of life, and when it stops."""
