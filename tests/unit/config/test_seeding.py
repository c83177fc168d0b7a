# SPDX-License-Identifier: MIT
"""A training alone draws the numbers of its trial, whose process had more imported."""

import os
import subprocess
import sys

_PROGRAM = """
import random, sys
from hyperopt_app.config.seeding import seed_libraries
assert "rich.style" not in sys.modules
random.seed(7)
import rich.style
assert random.random() != random.Random(7).random(), "rich draws no more: _DRAWING can go"
del sys.modules["rich.style"]
seed_libraries(7)
import numpy, rich.style
assert "torch" not in sys.modules
print(random.random() == random.Random(7).random(), numpy.random.rand() == numpy.random.RandomState(7).rand())
"""


def test_an_import_after_the_seeding_changes_no_random_number() -> None:
    """Rich draws one from `random` while it is imported, and Keras and Lightning import it; NumPy is seeded then."""
    command = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout == "True True\n"
