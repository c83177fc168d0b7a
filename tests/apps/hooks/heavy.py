# SPDX-License-Identifier: MIT
"""A module that takes long to import, say."""
