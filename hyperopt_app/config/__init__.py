# SPDX-License-Identifier: MIT
"""Config schemas of the sweeper, samplers, pruners and launchers.

Hydra imports this room in every Hydra program, so it must stay light.
"""
