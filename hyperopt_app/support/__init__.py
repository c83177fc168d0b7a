# SPDX-License-Identifier: MIT
"""Shared helpers: lock files, files, passwords, YAML and texts. Does not depend on studies."""
