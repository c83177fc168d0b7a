# SPDX-License-Identifier: MIT
"""A sampler in the shape in which hubs publish them: a folder that imports its parts relatively."""

from .sampler import Whale

__all__ = ["Whale"]
