# SPDX-License-Identifier: MIT
"""Start workers: as local processes, as jobs of a scheduler, or by hand. Does not depend on what a worker does."""
