# SPDX-License-Identifier: MIT
"""How workers are started: processes here, jobs of a scheduler, or by hand; knows nothing of what a worker does."""
