# SPDX-License-Identifier: MIT
"""The schedulers: how workers become their jobs, what their queues say, how long a job lasts; knows no study."""
