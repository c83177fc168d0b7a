# SPDX-License-Identifier: MIT
"""A warning of a library is shown once in a study, by one of its processes; one of the user's wherever it comes."""

import logging
import multiprocessing
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import optuna
import pytest

from hyperopt_app.objective.trial import active_trial
from hyperopt_app.study import repeated_warnings
from hyperopt_app.study.repeated_warnings import each_warning_once, is_first

pytestmark = pytest.mark.filterwarnings("always")

Warn = Callable[..., None]


@pytest.fixture(autouse=True)
def _without_a_study(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also within a test that runs in a worker, and under `pytest -W always`."""
    monkeypatch.setattr(repeated_warnings, "_said", None)
    monkeypatch.setattr(repeated_warnings, "_said_alone", set())
    monkeypatch.setattr(sys, "warnoptions", [])


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a process shows from now on."""
    texts: list[str] = []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *_more: texts.append(str(message)))
    return texts


def of_module(name: str, call: str = "import warnings\nwarn = warnings.warn") -> Warn:
    """A function of a module of that name that warns, with the place of its caller."""
    module = types.ModuleType(name)
    exec(f"{call}\ndef give(text, *more):\n    warn(text, *more, stacklevel=2)", vars(module))  # noqa: S102
    give: Warn = module.give
    return give


def warn_here(text: str) -> None:
    """Warn as user code does."""
    warnings.warn(text, stacklevel=1)


def through(name: str, call: Warn) -> Warn:
    """The same call by a function of another module."""
    module = types.ModuleType(name)
    exec("def give(*more):\n    call(*more)", vars(module))  # noqa: S102
    vars(module)["call"] = call
    give: Warn = module.give
    return give


hydra_warns: Warn = of_module("hydra.utils")
# Lightning, which is not in every environment, sets the rank when it is imported.
RANK_ZERO = """
import pytest
rank_zero = pytest.importorskip("lightning_utilities.core.rank_zero")
rank_zero.rank_zero_only.rank = 0
warn = rank_zero.rank_zero_warn
"""
LIBRARIES: dict[str, Callable[[], Warn]] = {
    "Hydra": lambda: of_module("hydra._internal.deprecation_warning"),
    "OmegaConf": lambda: of_module("omegaconf.omegaconf"),
    "Optuna": lambda: of_module("optuna._warnings"),
    "Lightning": lambda: of_module("pytorch_lightning.trainer.connectors.data_connector", RANK_ZERO),
    "lightning": lambda: of_module("lightning.fabric.fabric"),
    "torch, called by Lightning": lambda: through("pytorch_lightning.utilities._pytree", of_module("torch.utils")),
}
OTHERS: dict[str, Callable[[], Warn]] = {
    "the user": lambda: warn_here,
    "the user, by Lightning's function": lambda: of_module("__main__", RANK_ZERO),
    "torch, called by the user": lambda: through("my_model", of_module("torch.utils")),
    "a module with a name like Hydra's": lambda: of_module("hydra_tools.warn"),
    "the user, called by Hydra": lambda: through("hydra.utils", warn_here),
}


def in_trials(study: Path, warn: Callable[[], object], trials: int = 3) -> None:
    """Warn twice in each trial, each as in a process of its own."""
    for _ in range(trials):
        with each_warning_once(study):
            warn()
            warn()


@pytest.mark.parametrize("library", sorted(LIBRARIES))
def test_a_librarys_warning_is_shown_in_one_trial(library: str, tmp_path: Path, shown: list[str]) -> None:
    """Whoever's line of code it is laid to; another text is another warning."""
    warn = LIBRARIES[library]()
    in_trials(tmp_path, lambda: warn("old"))
    in_trials(tmp_path, lambda: warn("older"))
    assert shown == ["old", "older"]


@pytest.mark.parametrize("other", sorted(OTHERS))
def test_the_warning_of_anybody_else_is_shown_in_each(other: str, tmp_path: Path, shown: list[str]) -> None:
    """As often as without a study; nothing is written for it."""
    warn = OTHERS[other]()
    in_trials(tmp_path, lambda: warn("mine"))
    assert shown == ["mine"] * 6
    assert list(tmp_path.iterdir()) == []


def test_categories_and_studies_are_apart(tmp_path: Path, shown: list[str]) -> None:
    """The same words as a FutureWarning, or in another study, are another warning; an address makes no difference."""
    other = tmp_path / "other"
    other.mkdir()
    in_trials(other, lambda: hydra_warns("old"))
    for category in (UserWarning, FutureWarning):
        in_trials(tmp_path, lambda category=category: hydra_warns("old", category))  # type: ignore[misc]
    in_trials(tmp_path, lambda: hydra_warns(f"<object at {id(object()):#x}> is old"))
    in_trials(tmp_path, lambda: hydra_warns("<object at 0x7f00> is old"))
    assert len(shown) == 4
    assert shown[:3] == ["old"] * 3


def test_the_file_says_where_it_came_first(tmp_path: Path, shown: list[str]) -> None:
    """And no password."""
    trial = types.SimpleNamespace(number=7)
    with each_warning_once(tmp_path), active_trial(trial):  # type: ignore[arg-type]
        hydra_warns("old postgresql://me:secret@host/d")
    (file,) = (tmp_path / "workers" / "warnings").iterdir()
    first, source, text = file.read_text(encoding="utf-8").splitlines()
    assert first.startswith("first in trial 7, process ")
    assert source == "hydra: UserWarning"
    assert text == "old postgresql://me:***@host/d"
    assert len(shown) == 1


def _race(study: Path, barrier: Barrier, counts: Any) -> None:
    texts = list[str]()
    warnings.simplefilter("always")
    warnings.showwarning = lambda message, *_more: texts.append(str(message))
    Path.exists = lambda _path, **_more: False  # type: ignore[method-assign]  # as if both looked at the same moment
    with each_warning_once(study):
        for number in range(100):
            barrier.wait(30)
            hydra_warns(f"warning {number}")
    counts.put(texts)


def test_of_two_processes_that_race_exactly_one_shows_it(tmp_path: Path) -> None:
    """A hundred warnings, each given by both at the same moment."""
    context = multiprocessing.get_context("fork")
    barrier, counts = context.Barrier(2), context.Queue()
    racers = [context.Process(target=_race, args=(tmp_path, barrier, counts)) for _ in range(2)]
    for racer in racers:
        racer.start()
    texts = [text for _ in racers for text in counts.get(timeout=50)]
    for racer in racers:
        racer.join()
    counts.close()
    counts.join_thread()
    assert sorted(texts) == sorted(f"warning {number}" for number in range(100))


@pytest.mark.parametrize("fault", ["no study", "a file in the way", "full"])
def test_where_nothing_can_be_kept_all_is_shown(
    fault: str, tmp_path: Path, shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A study's directory that is gone is not made again; no warning becomes an error."""
    study = tmp_path / "study"
    if fault == "a file in the way":
        study.mkdir()
        (study / "workers").touch()
    elif fault == "full":
        study.mkdir()
        monkeypatch.setattr(Path, "open", _refuse)
    in_trials(study, lambda: hydra_warns("old"), trials=2)
    assert shown == ["old"] * 4
    assert study.exists() == (fault != "no study")


def _refuse(*_asked: object, **_more: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_text_that_differs_each_time_does_not_fill_the_disk(
    tmp_path: Path, shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a number of files on, what is new is shown and not kept; what was kept is still known."""
    monkeypatch.setattr(repeated_warnings, "_MOST", 3)
    for number in (0, 1, 2, 3, 4, 4, 0):
        in_trials(tmp_path, lambda number=number: hydra_warns(f"batch {number}"), trials=1)  # type: ignore[misc]
    assert len([*(tmp_path / "workers" / "warnings").iterdir()]) == 3
    assert shown == [f"batch {number}" for number in (0, 1, 2, 3, 3, 4, 4, 4, 4)]


def test_a_users_filters_come_first(tmp_path: Path, shown: list[str]) -> None:
    """`error` raises, `ignore` and `catch_warnings(record=True)` see all, in each trial, and claim nothing."""
    for _ in range(2):
        with each_warning_once(tmp_path):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                with pytest.raises(UserWarning, match="old"):
                    hydra_warns("old")
                warnings.simplefilter("ignore")
                hydra_warns("old")
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                hydra_warns("old")
            assert [str(one.message) for one in caught] == ["old"]
    assert shown == []
    in_trials(tmp_path, lambda: hydra_warns("old"))
    assert shown == ["old"]


@pytest.mark.parametrize("option", ["always", "always::UserWarning"])
def test_who_asks_python_for_all_gets_all(
    option: str, tmp_path: Path, shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-W always` and PYTHONWARNINGS=always."""
    monkeypatch.setattr(sys, "warnoptions", [option])
    in_trials(tmp_path, lambda: hydra_warns("old"))
    assert shown == ["old"] * 6


@pytest.fixture
def _capture_ended() -> Iterator[None]:
    yield
    logging.captureWarnings(False)


@pytest.mark.usefixtures("_capture_ended")
@pytest.mark.parametrize("when", ["before", "in the trial"])
def test_captured_warnings_are_logged_once(
    when: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, shown: list[str]
) -> None:
    """`logging.captureWarnings(True)`, in the script or in the task: they are in the log of one trial."""
    if when == "before":
        logging.captureWarnings(True)
    for _ in range(3):
        with each_warning_once(tmp_path):
            logging.captureWarnings(True)
            for _ in range(2):
                hydra_warns("old")
            warn_here("mine")
    texts = [record.getMessage() for record in caplog.records if record.name == "py.warnings"]
    assert [sum(f"Warning: {text}" in one for one in texts) for text in ("old", "mine")] == [1, 3]
    assert shown == []


def test_what_optunas_samplers_log_of_every_trial_is_logged_once(tmp_path: Path) -> None:
    """Whatever the trial's number in it; events of its storages each time, and afterwards everything."""
    handler = logging.Handler()
    texts: list[str] = []
    handler.emit = lambda record: texts.append(record.getMessage())  # type: ignore[method-assign]
    optunas = optuna.logging.get_logger("optuna")
    optunas.addHandler(handler)
    try:
        for number in range(3):
            with each_warning_once(tmp_path):
                optuna.logging.get_logger("optuna.samplers._cmaes").warning("`x` in Trial#%d is sampled", number)
                optuna.logging.get_logger("optuna.storages.journal").warning("a lock of 30 s")
        optuna.logging.get_logger("optuna.samplers._cmaes").warning("`x` in Trial#9 is sampled")
    finally:
        optunas.removeHandler(handler)
    assert texts == ["`x` in Trial#0 is sampled", *["a lock of 30 s"] * 3, "`x` in Trial#9 is sampled"]


def test_within_another_it_changes_nothing(tmp_path: Path, shown: list[str]) -> None:
    """A worker's job begins before the worker: the warning passes both or none."""
    with each_warning_once(tmp_path):
        in_trials(tmp_path, lambda: hydra_warns("old"))
    assert shown == ["old"]


def test_our_own_once_in_a_study_or_in_a_process(tmp_path: Path) -> None:
    """`is_first` asks the study where there is one."""
    for expected in (True, False):
        with each_warning_once(tmp_path):
            assert [is_first("mine") for _ in range(2)] == [expected, False]
    assert [is_first("mine") for _ in range(2)] == [True, False]
