# SPDX-License-Identifier: MIT
"""Why a trial failed, in one word."""

import signal

import pytest

from hyperopt_app.failures import KINDS, Exit, kind_of, verdict_of_exit


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
