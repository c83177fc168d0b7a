# SPDX-License-Identifier: MIT
"""What Hydra discovers: one sweeper and one launcher, thin; Hydra imports this in every Hydra program."""
