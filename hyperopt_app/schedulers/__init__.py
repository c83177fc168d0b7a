# SPDX-License-Identifier: MIT
"""The schedulers: submit workers as jobs, read the queue, compute the time a job has left.

This room does not depend on studies.
"""
