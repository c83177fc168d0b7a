# SPDX-License-Identifier: MIT
"""Several trainings of one configuration, with a seed each: run one after the other, aggregated, raced."""
