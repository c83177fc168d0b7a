# SPDX-License-Identifier: MIT
"""The schemas of our sweeper, samplers, pruners and launchers; light, since Hydra imports them in every program."""
