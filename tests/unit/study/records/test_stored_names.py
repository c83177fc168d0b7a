# SPDX-License-Identifier: MIT
"""What is stored in a study is declared in `study/records/` and nowhere else."""

import ast
from collections.abc import Iterator
from pathlib import Path

import optuna

from hyperopt_app.objective.trial import OWN_ATTRIBUTES
from hyperopt_app.storage import journal_copy
from hyperopt_app.study.records import forms, trial_records

PACKAGE = Path(trial_records.__file__).parents[2]
RECORDS = {"study/records/study_records.py", "study/records/trial_records.py"}
# Optuna's ways to read and write attributes.
WAYS = {
    *("user_attrs", "system_attrs", "set_user_attr", "set_system_attr", "set_trial_user_attr", "set_trial_system_attr"),
    *("set_study_user_attr", "set_study_system_attr"),
}
# The modules that use them all the same, and why. The original interface is a guest, with attributes of its own.
USERS = {
    "objective/trial.py": "what the user's objective stores under names of its own",
    "worker/trial_process.py": "the same, in a trial's own process",
    "ranks/link.py": "the same, in a rank of a trial",
    "sampling/failure_aware_tpe.py": "a lower room: reads how a trial failed",
    "sampling/curves/observations.py": "the same: reads whether configurations have repeats",
    "sampling/curves/sampler.py": "the same: reads whether a trial goes on with a point that it has",
    "sampling/feasible.py": "the same: reads with which parameters a trial is to begin",
    "reports/dataframe_csv.py": "a table of Optuna's own attributes, whatever their names",
    "storage/snapshots/replays.py": "copies all attributes of a study, whatever their names",
    "storage/snapshots/stored_trials.py": "the same, of its trials",
    "storage/server.py": "a mark of its own by which it finds a trial again whose answer was lost",
}
# Names that mean nothing else anywhere; `fixed_params`, say, is an argument of PartialFixedSampler too.
DISTINCT = {
    *("ended_attempts", "reads_seed", "grows_budget", "retry_of", "verdict:"),
    *("set_aside:", "discarded:", "note:", "bad_node:", "has_checkpoints"),
}
SPELLERS = {"objective/trial.py": "the names that an objective cannot take"}


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name not in RECORDS and not name.startswith("legacy/"):
            yield name, ast.parse(path.read_text(encoding="utf-8"))


def test_attributes_are_read_and_written_in_two_modules() -> None:
    """Nothing but the two asks Optuna for an attribute, apart from what is listed with its reason."""
    users = {
        name
        for name, tree in _modules()
        if any(isinstance(node, ast.Attribute) and node.attr in WAYS for node in ast.walk(tree))
    }
    assert users == USERS.keys()


def test_names_are_spelled_in_the_same_two_modules() -> None:
    """No other module has the name of an attribute as a text, or imports one."""
    spelled = {
        name
        for name, tree in _modules()
        if any(isinstance(node, ast.Constant) and node.value in DISTINCT for node in ast.walk(tree))
    }
    constants = {"POINT", "RETRY_OF", "GROWS_BUDGET"}
    imported = {
        name
        for name, tree in _modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and constants & {alias.name for alias in node.names}
    }
    assert spelled == SPELLERS.keys()
    assert not imported


def test_the_names_that_an_objective_cannot_take() -> None:
    """They are those of the trials' attributes, all of them and no others."""
    assert OWN_ATTRIBUTES == trial_records.TRIAL_ATTRIBUTES


def test_a_journal_repair_leaves_a_failure_that_can_be_read() -> None:
    """The storage rooms lie below and write one record by themselves; it is read as any other failure."""
    made = journal_copy._placeholder({"worker_id": "w", "study_id": 0}, "its line was torn")
    trial = optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL, user_attrs=made["user_attrs"])
    assert trial_records.failure_record(trial).keys() == forms.FailureRecord.__annotations__.keys()
