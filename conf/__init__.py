# SPDX-License-Identifier: MIT
"""The configurations; a regular package, so that Hydra finds them as pkg://hyperopt_app.conf. No code lives here."""
