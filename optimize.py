# SPDX-License-Identifier: MIT
"""`python optimize.py hyperparameters.yml model_config.yml`: the original command; see docs/legacy.md."""

import sys

from hyperopt_app.legacy.commands import main

if __name__ == "__main__":
    sys.exit(main(["optimize", *sys.argv[1:]], program="python optimize.py"))
