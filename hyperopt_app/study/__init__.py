# SPDX-License-Identifier: MIT
"""One study: which it is, its plan, its budget of tickets, who holds them, and when it stops."""
