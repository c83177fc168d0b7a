# SPDX-License-Identifier: MIT
"""One training of a trial: the objective is called, in the worker or in a process of the trial's own."""
