# SPDX-License-Identifier: MIT
"""The original interface: run hyperparameter.yml, model.yml and objective.py unchanged. Only `cli.py` imports it."""
