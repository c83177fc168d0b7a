# SPDX-License-Identifier: MIT
"""A part of the sampler."""


def deeper(depth: int) -> int:
    """One further down."""
    return depth + 1
