# SPDX-License-Identifier: MIT
"""The original interface: run hyperparameter.yml, model.yml and objective.py unchanged.

No other room imports this one, except the command line.
"""
