# SPDX-License-Identifier: MIT
"""Health checks: each looks at a view of a study for one fault, and says the reason and the remedy."""
