# SPDX-License-Identifier: MIT
"""What a worker does: claim a trial, run it as a Hydra job, settle it, until the budget is spent."""
