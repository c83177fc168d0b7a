# SPDX-License-Identifier: MIT
"""A command in front of the driver: its words in messages, and the call when a study is accepted."""

import contextlib

from hyperopt_app.front import Front, front, with_front


def test_the_applications_own_words_stand_by_default() -> None:
    """Those of `hydra.sweeper`; another command's hold as long as it runs, however it ends."""
    assert front().accept_changes == "hydra.sweeper.accept_changes=true"
    with contextlib.suppress(ValueError), with_front(Front(accept_changes="--accept_changes")):
        assert front().accept_changes == "--accept_changes"
        raise ValueError
    assert front() == Front()
