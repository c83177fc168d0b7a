# SPDX-License-Identifier: MIT
"""Why a trial failed, in one word."""

import signal
from pathlib import Path
from sqlite3 import OperationalError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperopt_app.objective.failure_kinds import KINDS, Exit, is_oom_text, kind_of, verdict_of_exit


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


class ResourceExhaustedError(Exception):
    """Named as TensorFlow's."""


def _caused(cause: BaseException) -> BaseException:
    outer = RuntimeError("in the loop")
    outer.__cause__ = cause
    return outer


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError(), "oom"),
        (OutOfMemoryError("CUDA"), "oom"),
        (RuntimeError("CUDA error: out of memory"), "oom"),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"), "oom"),
        (OSError(12, "Cannot allocate memory"), "oom"),
        (_caused(MemoryError()), "oom"),
        (FloatingPointError("overflow"), "diverged"),
        (OSError(28, "No space left on device"), "infrastructure"),
        (OSError(122, "Disk quota exceeded"), "infrastructure"),
        (ResourceExhaustedError("model/ckpt; No space left on device"), "infrastructure"),
        (
            RuntimeError("Caught OSError in DataLoader worker\nOSError: [Errno 28] No space left on device"),
            "infrastructure",
        ),
        (OperationalError("database or disk is full"), "infrastructure"),
        (_caused(OSError(28, "No space left on device")), "infrastructure"),
        (OSError(2, "No such file", "a folder named no space left on device"), "bug"),
        (ValueError("out of memory of last year"), "bug"),
        (RuntimeError("shapes do not match"), "bug"),
        (SystemExit(3), "bug"),
    ],
    ids=repr,
)
def test_an_exception_has_a_kind(error: BaseException, kind: str) -> None:
    """By its class, its text, or what caused it."""
    assert kind_of(error) == kind
    assert kind in KINDS


@pytest.mark.parametrize("way", ["by path", "by file", "old form"])
def test_what_torch_makes_of_a_full_disk(way: str) -> None:
    """`torch.save` to a path tells neither the number nor the system's words."""
    torch = pytest.importorskip("torch")
    state = {"weights": torch.zeros(100_000), "bias": torch.zeros(10)}
    with pytest.raises((OSError, RuntimeError)) as raised:  # noqa: PT012 - the file is closed in it
        if way == "by file":
            with Path("/dev/full").open("wb") as file:
                torch.save(state, file)
        else:
            torch.save(state, "/dev/full", _use_new_zipfile_serialization=way == "by path")
    assert kind_of(raised.value) == "infrastructure"


def test_what_happened_while_a_full_disk_was_handled_counts_unless_it_was_hidden() -> None:
    """`raise ... from None` says that the one has nothing to do with the other."""
    for hidden, kind in ((False, "infrastructure"), (True, "bug")):
        error = ValueError("later")
        error.__context__ = OSError(28, "No space left on device")
        error.__suppress_context__ = hidden
        assert kind_of(error) == kind


@pytest.mark.parametrize(
    ("ended", "kind", "words"),
    [
        (Exit(9), "bug", "exit code 9"),
        (Exit(0), "bug", "exit code 0"),
        (Exit(-signal.SIGSEGV), "bug", "SIGSEGV"),
        (Exit(-signal.SIGKILL, kernel_killed=True), "oom", "memory"),
        (Exit(-signal.SIGKILL), "oom", "memory"),
        (Exit(-signal.SIGKILL, kernel_killed=False), "infrastructure", "outside"),
        (Exit(-99), "bug", "signal 99"),
    ],
)
def test_a_dead_process_has_a_kind(ended: Exit, kind: str, words: str) -> None:
    """SIGKILL is the kernel's for lack of memory, unless the kernel says that it was not."""
    found, text = verdict_of_exit(ended)
    assert found == kind
    assert words in text


def test_what_does_not_show_in_the_chain_of_causes_does_not_count() -> None:
    """An error while another is handled is judged by itself."""
    error = ValueError("no such layer")
    error.__context__ = MemoryError()
    assert kind_of(error) == "bug"


@given(st.text(), st.text(), st.sampled_from(["out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "Unable to allocate"]))
def test_words_around_a_message_do_not_matter(before: str, after: str, words: str) -> None:
    """Libraries put devices, sizes and advice around it."""
    assert is_oom_text(f"{before} {words.upper()} {after}")
    assert is_oom_text(f"{before} {words.lower()} {after}")


@given(st.integers(-200, 255), st.sampled_from([None, True, False]))
def test_every_exit_has_a_kind_and_one_line(code: int, kernel_killed: bool | None) -> None:
    """And only SIGKILL is ever anything but a bug."""
    kind, text = verdict_of_exit(Exit(code, kernel_killed))
    assert kind in KINDS
    assert kind == "bug" or code == -signal.SIGKILL
    assert text
    assert "\n" not in text


@given(st.sampled_from([MemoryError, ValueError, RuntimeError]), st.integers(0, 5))
def test_depth_does_not_hide_a_cause(kind: type[Exception], depth: int) -> None:
    """However often an error is wrapped."""
    error: BaseException = kind("x")
    for _ in range(depth):
        error = _caused(error)
    assert kind_of(error) == kind_of(kind("x"))
