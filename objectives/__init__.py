# SPDX-License-Identifier: MIT
"""Worked objectives, one per study file in `conf/hparams`; they use only the public names of `hyperopt_app`."""
