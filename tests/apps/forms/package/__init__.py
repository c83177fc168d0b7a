# SPDX-License-Identifier: MIT
"""An app that is a package and is started with `python -m package.train`."""
