# SPDX-License-Identifier: MIT
"""A module that cannot be imported, for another reason than its absence."""

__all__: list[str] = []

raise RuntimeError("no such licence")
