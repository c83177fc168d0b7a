# SPDX-License-Identifier: MIT
"""Commands that change a study: which trials count, whether further ones start, a damaged journal."""
