# SPDX-License-Identifier: MIT
"""The sweeper and the launchers that Hydra discovers. Hydra imports this in every program, so it imports little."""
