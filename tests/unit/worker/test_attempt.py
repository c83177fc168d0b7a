# SPDX-License-Identifier: MIT
"""The one boundary around user code: whatever it does becomes an outcome, or an error for the user to mend."""

from collections.abc import Callable
from typing import Any

import pytest
from hydra.errors import InstantiationException
from optuna import TrialPruned

from hyperopt_app.errors import HyperoptError, MetricError
from hyperopt_app.hydra_compat import instantiate_class
from hyperopt_app.objective.outcomes import Completed, Failed, Interrupted, Lost, Outcome, Pruned, outcome_of
from hyperopt_app.worker.attempt import attempt as attempt_at
from hyperopt_app.worker.interruption import Where
from tests.unit._made_workers import EndAsked

DONE = Completed((1.0,), {"loss": 1.0})


def attempt(run: Callable[[], Outcome], asked_to_end: Callable[[], bool] = lambda: False) -> Outcome:
    """In a worker whose process the objective shares."""
    return attempt_at(run, EndAsked(asked_to_end), Where.SAME_PROCESS)


def raiser(error: BaseException) -> Any:
    """A run that ends so."""

    def run() -> Completed:
        raise error

    return run


def pruned() -> None:
    """What a YAML may name as its target."""
    raise TrialPruned("at step 3")


def _wrapped(cause: Exception) -> Exception:
    inner, outer = RuntimeError("in the loop"), InstantiationException("Error in call to target")
    inner.__cause__, outer.__cause__ = cause, inner
    return outer


def _instantiated(name: str) -> Any:
    target = f"{__name__}.{name}"
    return instantiate_class({"_target_": target}, target)


def test_what_the_objective_returned_passes() -> None:
    """An outcome is handed on as it is."""
    assert attempt(lambda: DONE) is DONE


def test_a_full_disk_is_a_loss() -> None:
    """It is nobody's fault, and no other node is better off."""
    lost = attempt(raiser(OSError(28, "No space left on device", "last.ckpt")))
    assert lost == Lost(
        "there was no room to write (OSError: [Errno 28] No space left on device: 'last.ckpt')", of_node=False
    )


def test_a_pruned_trial_is_a_result() -> None:
    """TrialPruned is how an objective says so."""
    assert attempt(raiser(TrialPruned())) == Pruned()


def test_a_pruned_trial_comes_through_hydras_instantiate() -> None:
    """An objective may be built and run by a `_target_` of the YAML."""
    assert attempt(lambda: _instantiated("pruned")) == Pruned()


def test_a_pruned_trial_is_found_among_the_causes() -> None:
    """Hydra before 1.4 wraps what a target raises, and so may anybody's training loop, more than once."""
    assert attempt(raiser(_wrapped(TrialPruned()))) == Pruned()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), KeyboardInterrupt("again")])
def test_an_interrupt_gives_the_ticket_back(error: KeyboardInterrupt) -> None:
    """Ctrl-C, and what our handler makes of SIGTERM, is no failure of the trial."""
    assert attempt(raiser(error), lambda: True) == Interrupted()


@pytest.mark.parametrize("error", [KeyboardInterrupt("mine"), GeneratorExit("mine")], ids=repr)
def test_without_a_signal_the_objective_has_raised_it_itself(error: BaseException) -> None:
    """Then it is a failed trial like any other: a worker that ended over it would meet it again for ever."""
    outcome = attempt(raiser(error))
    assert isinstance(outcome, Failed)
    assert outcome.error == f"{type(error).__name__}: mine"


@pytest.mark.parametrize("ending", [DONE, SystemExit(0), ValueError("torn down"), TrialPruned()], ids=repr)
def test_a_worker_that_was_told_to_end_has_not_finished_its_trial(ending: Any) -> None:
    """Lightning returns from an interrupted training as if it were over, other code exits or fails."""
    run = raiser(ending) if isinstance(ending, BaseException) else lambda: ending
    assert attempt(run, lambda: True) == Interrupted()


def test_an_exception_is_a_failed_trial() -> None:
    """Type and text in one line, and where it came from."""
    outcome = attempt(raiser(ValueError("two\n  lines")))
    assert isinstance(outcome, Failed)
    assert (outcome.kind, outcome.error) == ("bug", "ValueError: two lines")
    assert outcome.traceback.startswith("Traceback (most recent call last):\n")
    assert outcome.traceback.endswith("ValueError: two\n  lines\n")
    assert "in run" in outcome.traceback


def test_a_traceback_begins_in_the_users_code() -> None:
    """How this package got there helps nobody; where the user's code is not reached, all is shown."""

    def run() -> Outcome:
        raise KeyError("units")

    nothing: Any = None
    for called, file in ((run, __file__), (nothing, "attempt.py")):
        outcome = attempt(called)
        assert isinstance(outcome, Failed)
        assert file in outcome.traceback.splitlines()[1]


@pytest.mark.parametrize("code", [0, 1, "message"])
def test_an_exit_is_a_failed_trial(code: object) -> None:
    """A program that calls sys.exit in its training takes no worker along."""
    outcome = attempt(raiser(SystemExit(code)))
    assert isinstance(outcome, Failed)
    assert outcome.error == f"SystemExit: {code}"


@pytest.mark.parametrize("text", ["x" * 10**6, "é\n" * 10**5])
def test_a_huge_text_is_cut_to_what_a_database_takes(text: str) -> None:
    """MySQL's text field holds 65,535 bytes; the place of the fault, at the top, stays."""
    outcome = attempt(raiser(RuntimeError(text)))
    assert isinstance(outcome, Failed)
    assert len(outcome.error) == 500
    assert len(outcome.traceback) < 8200
    assert "in run" in outcome.traceback
    assert "characters left out; the trial's log has them]" in outcome.traceback
    assert outcome.traceback.rstrip().endswith(text[-2:].rstrip())


def test_an_exception_that_cannot_be_shown_is_a_failed_trial_all_the_same() -> None:
    """The text of a user's exception is user code, too."""

    class BrokenError(Exception):
        def __str__(self) -> str:
            raise ValueError("no text")

    outcome = attempt(raiser(BrokenError()))
    assert isinstance(outcome, Failed)
    assert outcome.error == "BrokenError: (its text cannot be shown)"


def test_a_value_that_is_no_number_is_a_diverged_trial() -> None:
    """NaN passes the boundary as the failure that the objective's side has made of it."""
    outcome = attempt(lambda: outcome_of({"loss": float("nan"), "acc": 0.5}, ["loss"], 1))
    assert isinstance(outcome, Failed)
    assert (outcome.kind, outcome.error) == ("diverged", "the objective returned nan")
    assert outcome.metrics["acc"] == 0.5


def test_a_missing_metric_passes_for_the_user_to_mend() -> None:
    """No trial of such an objective can succeed, so none is spent on it."""
    with pytest.raises(MetricError, match=r"^hydra\.sweeper\.metric: loss; the objective returned acc\."):
        attempt(lambda: outcome_of({"acc": 0.5}, ["loss"], 1))


def test_a_fault_to_mend_is_unwrapped() -> None:
    """It is found in what is wrapped around it, and is raised without that."""
    with pytest.raises(MetricError, match="no loss") as told:
        attempt(raiser(_wrapped(MetricError("no loss"))))
    assert told.value.__suppress_context__
    with pytest.raises(HyperoptError, match="to mend"):
        attempt(raiser(HyperoptError("to mend")))


def test_what_commands_a_terminal_is_spelled() -> None:
    """In the error and in its traceback, which are shown and stored."""
    outcome = attempt(raiser(ValueError("\x1b[2Jgone")))
    assert isinstance(outcome, Failed)
    assert outcome.error == "ValueError: \\x1b[2Jgone"
    assert "\x1b" not in outcome.traceback
