# SPDX-License-Identifier: MIT
"""One study: its identity, its plan, its trials as stored, signs of life of its workers, and when it stops."""
