# SPDX-License-Identifier: MIT
"""A small training with Keras 3 on torch, for the tests of the callbacks."""

import os
import tempfile
from typing import Any
from unittest.mock import patch

import pytest

pytest.importorskip("torch")
# At its first import Keras chooses its backend and writes into its home, and leaves variables behind.
with patch.dict(os.environ, KERAS_BACKEND="torch", KERAS_HOME=tempfile.mkdtemp()):
    keras = pytest.importorskip("keras")

import numpy as np

INPUTS = np.linspace(-1, 1, 16)[:, None]
WANTED = 3 * INPUTS + 1


def fit(callback: Any, *, epochs: int = 3, learning_rate: float = 0.1, **options: Any) -> Any:
    """Fit one weight quietly; returns the History."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(learning_rate), "mse")
    settings = {"validation_data": (INPUTS, WANTED), "verbose": 0, **options}
    return model.fit(INPUTS, WANTED, epochs=epochs, callbacks=[callback], **settings)
