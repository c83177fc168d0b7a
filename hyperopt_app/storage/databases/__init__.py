# SPDX-License-Identifier: MIT
"""How a study is read from a database."""
