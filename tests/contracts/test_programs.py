# SPDX-License-Identifier: MIT
"""The process that the contracts share: a call that fails costs the next one nothing."""

import json
import os
from pathlib import Path

import pytest

from tests.contracts.conftest import Programs


class _TimeIsOver(BaseException):
    """As pytest's own, which is no Exception either."""


def test_the_call_after_one_that_was_broken_off_gets_its_own_answer(tmp_path: Path) -> None:
    """The process in the middle of an answer is ended, and what it has forked with it."""
    programs, storage = Programs(), f"sqlite:///{tmp_path / 'study.db'}"

    def over(_text: str) -> None:
        raise _TimeIsOver

    try:
        programs("begin", storage, tmp_path, 1)
        process = programs._process
        assert process is not None
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(json, "loads", over)
            with pytest.raises(_TimeIsOver):
                programs("begin", storage, tmp_path, 1)
        assert process.returncode is not None
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
        programs("begin", storage, tmp_path, 1)
        assert programs._process is not None
        assert programs._process.pid != process.pid
    finally:
        programs.end()
