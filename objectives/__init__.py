# SPDX-License-Identifier: MIT
"""Worked objectives, one per file in `conf/hparams`; they use only the public names of `hyperopt_app`."""
