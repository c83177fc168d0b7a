# SPDX-License-Identifier: MIT
"""What is searched: the space, its points, its text form, and how two spaces differ; pure."""
