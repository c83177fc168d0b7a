# SPDX-License-Identifier: MIT
"""How the points of a study are proposed, and which trials are pruned."""
