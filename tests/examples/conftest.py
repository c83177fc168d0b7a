# SPDX-License-Identifier: MIT
"""What the objectives change for the whole process, put back."""

from collections.abc import Iterator

import pytest


@pytest.fixture
def threads_kept() -> Iterator[None]:
    """torch's number of threads, which an objective sets."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
