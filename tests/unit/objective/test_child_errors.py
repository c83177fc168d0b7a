# SPDX-License-Identifier: MIT
"""What a child has raised, read from the exception by which torch reports it."""

import optuna
import pytest

from hyperopt_app.errors import HyperoptError
from hyperopt_app.objective.child_errors import ChildError, child_error, child_exit
from hyperopt_app.objective.failure_kinds import kind_of
from hyperopt_app.objective.outcomes import Failed, Pruned
from hyperopt_app.worker.attempt import attempt
from hyperopt_app.worker.interruption import Where
from hyperopt_app.worker.interrupts import Interrupts

torch_spawn = pytest.importorskip("torch.multiprocessing.spawn")

TEXT = """

-- Process 1 terminated with the following error:
Traceback (most recent call last):
  File "/site-packages/torch/multiprocessing/spawn.py", line 95, in _wrap
    fn(i, *args)
    ^^^^^^^^^^^^
  File "/home/me/train.py", line 12, in train
    raise {}
{}
"""


def _reported(line: str) -> Exception:
    error: Exception = torch_spawn.ProcessRaisedException(TEXT.format("it", line), 1, 123)
    return error


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("ValueError: of rank one", ChildError("ValueError", "of rank one")),
        ("torch.OutOfMemoryError: CUDA out of memory.", ChildError("torch.OutOfMemoryError", "CUDA out of memory.")),
        ("KeyError", ChildError("KeyError", "")),
        ("RuntimeError: two\nlines: of text", ChildError("RuntimeError", "two\nlines: of text")),
    ],
)
def test_the_exception_of_a_child(line: str, error: ChildError) -> None:
    """The last one of the traceback, with a text of any number of lines."""
    assert child_error(_reported(line)) == error
    assert child_error(ValueError(str(_reported(line)))) is None


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory.", "oom"),
        ("MemoryError", "oom"),
        ("RuntimeError: DefaultCPUAllocator: can't allocate memory: you tried", "oom"),
        ("FloatingPointError: nan", "diverged"),
        ("OSError: [Errno 28] No space left on device", "infrastructure"),
        ("ValueError: out of memory", "bug"),
    ],
)
def test_its_kind_is_that_of_the_trial(line: str, kind: str) -> None:
    """As if the objective had raised it itself."""
    assert kind_of(_reported(line)) == kind


def test_an_attempt_sees_through_it() -> None:
    """A pruned child is a pruned trial, an error of ours is the user's to correct, and others fail the trial."""

    def attempted(line: str) -> object:
        def objective() -> Failed:
            raise _reported(line)

        return attempt(objective, Interrupts([]), Where.TRIAL_PROCESS)

    assert attempted(f"{optuna.TrialPruned.__module__}.TrialPruned: pruned at step 1") == Pruned()
    with pytest.raises(HyperoptError, match=r"^no such metric$"):
        attempted("hyperopt_app.errors.MetricError: no such metric")
    outcome = attempted("ValueError: of rank one")
    assert isinstance(outcome, Failed)
    assert outcome.kind == "bug"


def test_the_exit_of_a_child() -> None:
    """Where it died without an exception."""
    error = torch_spawn.ProcessExitedException("process 1 terminated with signal SIGKILL", 1, 123, -9, "SIGKILL")
    assert child_exit(error) == (1, -9)
    assert child_error(error) is None
    assert child_exit(_reported("ValueError: x")) is None
    assert child_exit(ValueError("x")) is None
