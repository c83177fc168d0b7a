# SPDX-License-Identifier: MIT
"""What a command that works could do better."""

from pathlib import Path

import pytest

from hyperopt_app.settings.hints import launch_note
from hyperopt_app.settings.reading import read_settings
from tests.unit._made_sweeps import made_sweep, write_configs


def _notes(tmp_path: Path, text: str, *overrides: str) -> list[str]:
    defaults = "defaults: [_self_, {override hydra/sweeper: async_optuna}]\n"
    _, config = made_sweep(write_configs(tmp_path, {"config": defaults + text}), *overrides)
    return list(launch_note(config, read_settings(config)))


def test_with_the_one_line_alone_both_lines_that_help_are_told(tmp_path: Path) -> None:
    """Two workers in turn, and a directory with the time in it, are what Hydra's own defaults give."""
    (note,) = _notes(tmp_path, "")
    again = "the same command begins another study, since hydra.sweep.dir has the time in it"
    assert note.splitlines() == [
        f"The 2 workers run one after the other, since hydra/launcher is basic; {again}. What helps, in the config:",
        "  defaults: [..., {override /hydra/launcher: local_workers}]",
        "  hydra: {sweep: {dir: studies/app}}",
        "or, typed: +hyperopt=local",
    ]


def test_only_what_is_missing_is_told(tmp_path: Path) -> None:
    """One worker needs no launcher, a fixed directory or a database resumes."""
    (note,) = _notes(tmp_path, "", "hydra.sweeper.n_jobs=1")
    assert note.startswith("The same command begins another study")
    (note,) = _notes(tmp_path, "hydra: {sweep: {dir: studies/x}}")
    assert note.startswith("The 2 workers run one after the other")
    assert "sweep" not in note.replace("sweeper", "")
    assert _notes(tmp_path, "", "hydra.sweeper.n_jobs=1", "hydra.sweeper.storage=sqlite:///a.db") == []
    assert _notes(tmp_path, "", "+hyperopt=local") == []


@pytest.mark.parametrize("value", ["${log_dir}/${now:%H}", "${log_dir}/runs", "${paths.deep}/x"])
def test_the_time_is_found_behind_references(tmp_path: Path, value: str) -> None:
    """The directory of lightning-hydra-template refers to other keys, and one of these has the time in it."""
    text = f"log_dir: 'logs/${{now:%Y}}'\npaths: {{deep: '${{log_dir}}'}}\nhydra: {{sweep: {{dir: '{value}'}}}}"
    assert len(_notes(tmp_path, text, "hydra.sweeper.n_jobs=1")) == 1
    assert (
        _notes(tmp_path, text.replace("${now:%Y}", "fixed").replace("${now:%H}", "0"), "hydra.sweeper.n_jobs=1") == []
    )
