# SPDX-License-Identifier: MIT
"""Why a rank has failed stands in the trial's directory, and makes the trial's outcome."""

from pathlib import Path

import optuna
import pytest

from hyperopt_app.errors import HyperoptError, MetricError
from hyperopt_app.objective.outcomes import Completed, Failed, Interrupted, Lost, Outcome, Pruned
from hyperopt_app.ranks.failures import outcome_of_rank, reason_of_error, reason_of_outcome
from hyperopt_app.ranks.reasons import Reason, forget_reason, leave_reason, reason_of


def test_the_first_reason_counts(tmp_path: Path) -> None:
    """What others meet afterwards follows from it; nothing else is left in the directory."""
    assert reason_of(tmp_path) is None
    leave_reason(tmp_path, Reason(1, "oom", "MemoryError: of rank one"))
    leave_reason(tmp_path, Reason(0, "bug", "RuntimeError: connection closed by peer"))
    assert reason_of(tmp_path) == Reason(1, "oom", "MemoryError: of rank one")
    assert len(list(tmp_path.iterdir())) == 1
    forget_reason(tmp_path)
    forget_reason(tmp_path)
    assert reason_of(tmp_path) is None


def test_a_directory_that_is_gone_is_no_error(tmp_path: Path) -> None:
    """The trial fails in any case."""
    leave_reason(tmp_path / "gone", Reason(1))
    assert reason_of(tmp_path / "gone") is None


@pytest.mark.parametrize("outcome", [Failed("oom", "MemoryError: x", "trace"), Failed("diverged", "nan")])
def test_a_rank_gives_the_trial_its_kind(outcome: Failed, tmp_path: Path) -> None:
    """With the number of the rank before the text."""
    reason = reason_of_outcome(3, outcome, tmp_path)
    assert reason is not None
    assert outcome_of_rank(reason, None) == Failed(outcome.kind, f"rank 3: {outcome.error}", outcome.traceback)


@pytest.mark.parametrize("outcome", [Completed((1.0,)), Pruned(), Interrupted()])
def test_a_rank_that_ends_as_the_others_leaves_no_reason(outcome: Outcome, tmp_path: Path) -> None:
    """Rank zero says what the trial came to."""
    assert reason_of_outcome(1, outcome, tmp_path) is None


def test_a_full_disk_and_a_fault_of_the_users_stay_what_they_are(tmp_path: Path) -> None:
    """The one is tried again, the other stops the study."""
    full = reason_of_outcome(1, Lost("there was no room to write"), tmp_path)
    fault = reason_of_outcome(1, MetricError("no loss"), tmp_path)
    assert full is not None
    assert fault is not None
    assert outcome_of_rank(full, None) == Lost("rank 1: there was no room to write")
    with pytest.raises(HyperoptError, match="no loss"):
        outcome_of_rank(fault, None)


@pytest.mark.parametrize(
    ("code", "kernel_killed", "outcome"),
    [
        (-9, True, "oom"),
        (-9, False, "infrastructure"),
        (-11, None, "bug"),
        (3, None, "bug"),
        (None, None, "infrastructure"),
    ],
)
def test_a_rank_that_died_is_judged_by_its_exit(code: int | None, kernel_killed: bool | None, outcome: str) -> None:
    """As a trial's own process is."""
    result = outcome_of_rank(Reason(1, exit_code=code), kernel_killed)
    assert (result.kind if isinstance(result, Failed) else "infrastructure") == outcome


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError("of a rank"), ("oom", "MemoryError: of a rank", False)),
        (ValueError("two\nlines"), ("bug", "ValueError: two lines", False)),
        (MetricError("no loss"), ("", "no loss", True)),
    ],
)
def test_the_reason_for_an_exception(error: Exception, reason: tuple[str, str, bool], tmp_path: Path) -> None:
    """Its kind and text, or that the user has to correct it."""
    left = reason_of_error(2, error, tmp_path)
    assert left is not None
    assert (left.rank, left.kind, left.error, left.is_fault) == (2, *reason)


def test_to_be_pruned_or_to_leave_is_no_failure(tmp_path: Path) -> None:
    """All ranks do so together."""
    assert reason_of_error(1, optuna.TrialPruned(), tmp_path) is None
    assert reason_of_error(1, KeyboardInterrupt(), tmp_path) is None


def test_an_echo_of_another_rank_goes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits until the rank that has failed itself has said why; any other error does not wait."""
    waited = list[float]()

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            leave_reason(tmp_path, Reason(1, "oom", "MemoryError"))

    monkeypatch.setattr("hyperopt_app.ranks.failures.time.sleep", sleep)
    assert reason_of_error(0, RuntimeError("of its own"), tmp_path) is not None
    assert not waited
    echo = reason_of_error(0, RuntimeError("[gloo] Connection closed by peer [127.0.0.1]"), tmp_path)
    assert echo is not None
    assert len(waited) == 3
    leave_reason(tmp_path, echo)
    left = reason_of(tmp_path)
    assert left is not None
    assert left.rank == 1
