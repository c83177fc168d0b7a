# SPDX-License-Identifier: MIT
"""Why a trial failed, in one word."""

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperopt_app.objective.failure_kinds import KINDS, Exit, is_oom_text, kind_of, verdict_of_exit


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


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
    """SIGKILL is the kernel's for want of memory, unless the kernel says that it was not."""
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
