# SPDX-License-Identifier: MIT
"""A database server that has no connection left."""
