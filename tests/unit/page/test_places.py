# SPDX-License-Identifier: MIT
"""Links from a page to what lies beside it."""

from pathlib import Path

from hyperopt_app.page.places import log_name, trial_links
from tests.unit._made_trials import made


def test_a_link_is_relative_to_the_page(tmp_path: Path) -> None:
    """So that a copied study's page works; characters that a URL may not hold are written as it wants them."""
    study, trial = tmp_path / "study", made(directory=str(tmp_path / "study" / "trials" / "a #b"))
    assert trial_links([trial], study, study / "report") == ["../trials/a%20%23b/"]
    assert trial_links([trial], study, study) == ["./trials/a%20%23b/"]
    assert trial_links([trial], study, tmp_path / "elsewhere") == ["../study/trials/a%20%23b/"]


def test_a_copied_study_links_to_its_own_files(tmp_path: Path) -> None:
    """The directory of a trial is looked for where the study is now; the worker has told where it was then."""
    claim = {"beat": "/scratch/me/studies/s/workers/w.json", "number": 0, "host": "n"}
    trial = made(directory="/scratch/me/studies/s/trials/7", claim=claim)
    assert trial_links([trial], tmp_path / "copy", tmp_path / "copy" / "report") == ["../trials/7/"]


def test_a_directory_elsewhere_is_linked_as_it_is(tmp_path: Path) -> None:
    """And a trial without one is not linked."""
    trials = [made(directory="/data/runs/7"), made()]
    assert trial_links(trials, tmp_path, tmp_path / "report") == ["file:///data/runs/7/", ""]


def test_the_log_is_named_as_in_a_trial_that_has_one(tmp_path: Path) -> None:
    """Hydra names it after the program; without any, nothing is linked."""
    trials = [made(number=n, directory=str(tmp_path / "trials" / str(n))) for n in range(3)]
    assert log_name(trials, tmp_path) == ""
    (tmp_path / "trials" / "1").mkdir(parents=True)
    (tmp_path / "trials" / "1" / "train.log").touch()
    assert log_name(trials, tmp_path) == "train.log"
