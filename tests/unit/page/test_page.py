# SPDX-License-Identifier: MIT
"""The report page as a file."""

import base64
import hashlib
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from hyperopt_app.cli import main
from hyperopt_app.page.page import page_text, write_page
from hyperopt_app.storage.opening import open_storage
from tests.unit._made_trials import made, study_of
from tests.unit._reports import searched

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
HOSTILE = "</script><img src=x onerror=alert(1)>"


class _Parsed(HTMLParser):
    """The elements of a page, the content of its scripts, and the rest of its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.text = ""
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._open = tag
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = attributes, text + data
        elif self._open != "style":
            self.text += data

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(next(text for attributes, text in self.scripts if "json" in str(attributes)))
        return data

    @property
    def drawn(self) -> set[str]:
        return {str(value) for name, value in self.attributes if name == "data-figure"}


def _page(study: optuna.Study, folder: Path, **options: Any) -> _Parsed:
    return _Parsed(page_text(study, folder, folder / "report", n_trees=4, max_depth=4, **options))


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    """Names, choices, errors and checks add no element, in the page as well as in its data."""
    study = optuna.create_study(study_name=HOSTILE)
    study.add_trial(made(params={HOSTILE: HOSTILE}, directory=f"/{HOSTILE}", curve={0: 1.0}))
    failure = {"kind": "bug", "error": HOSTILE, "traceback": HOSTILE}
    study.add_trial(made(TrialState.FAIL, params={HOSTILE: HOSTILE}, failure=failure))
    parsed, harmless = _page(study, tmp_path, checks=[HOSTILE]), _page(study_of(), tmp_path)
    assert parsed.tags.count("img") == 0
    assert parsed.tags.count("script") == harmless.tags.count("script")
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    assert parsed.text.count(HOSTILE) >= 3
    assert HOSTILE in parsed.data["texts"]
    assert parsed.data["parameters"][0]["name"] == HOSTILE


def test_the_page_fetches_nothing_and_runs_only_its_own_scripts(tmp_path: Path) -> None:
    """Its policy names the digest of each script; no element loads from elsewhere."""
    parsed = _page(searched(n_trials=3), tmp_path)
    policy = next(str(value) for name, value in parsed.attributes if name == "content" and "default-src" in str(value))
    assert policy.startswith("default-src 'none'; ")
    run = [text for attributes, text in parsed.scripts if not attributes]
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in run]
    assert re.findall(r"'sha256-([^']+)'", policy) == digests
    assert not [value for name, value in parsed.attributes if name == "src"]
    assert "link" not in parsed.tags


def test_a_page_draws_what_the_study_has(tmp_path: Path) -> None:
    """Of one direction the history and the curves, of several the front; each with a sentence."""
    of_curves = {"history", "curves", "parallel", "importances", "slices", "contours", "timeline", "hours", "agreement"}
    assert _page(searched(n_trials=24), tmp_path).drawn == of_curves
    of_front = {"front", "parallel", "importances", "slices", "contours", "timeline", "hours"}
    assert _page(searched("minimize", "maximize", n_trials=24), tmp_path).drawn == of_front


@pytest.mark.parametrize(
    ("trials", "drawn"),
    [
        ([], set()),
        ([made(TrialState.WAITING)], set()),
        ([made(TrialState.FAIL, failure={"kind": "bug"})], {"history", "timeline", "hours"}),
        ([made(TrialState.PRUNED, curve={0: 1.0})], {"history", "curves", "timeline", "hours"}),
        ([made(TrialState.RUNNING)], {"timeline", "hours"}),
        ([made(values=[math.inf], params={"a": 1.0})], {"history", "timeline", "hours"}),
        ([made(params={"a": 1.0})], {"history", "parallel", "slices", "timeline", "hours"}),
        ([made(curve={0: math.nan, 1: math.inf})], {"history", "curves", "timeline", "hours"}),
    ],
    ids=["empty", "waiting", "failed", "pruned", "running", "infinite", "single", "curve without numbers"],
)
def test_a_study_of_any_kind_has_a_page(trials: list[Any], drawn: set[str], tmp_path: Path) -> None:
    """What cannot be drawn is left out."""
    study = study_of()
    study.add_trials(trials)
    assert _page(study, tmp_path).drawn == drawn


def test_trials_that_are_set_aside_are_shown_as_such(tmp_path: Path) -> None:
    """They stand in the table with the reason, and count nowhere."""
    study = study_of()
    study.add_trials([made(values=[0.1], params={"a": 1.0}), made(values=[0.2], params={"a": 2.0})])
    study.set_user_attr("discarded:0", "the data was wrong")
    parsed = _page(study, tmp_path)
    data = parsed.data
    assert [data["texts"][place] for place in data["trials"]["aside"]] == ["the data was wrong", ""]
    assert data["best"] == [1]
    assert "1 trial is set aside and not counted here." in parsed.text


def test_passwords_of_the_configuration_are_hidden(tmp_path: Path) -> None:
    """In the command, in the recorded overrides and in the config; the rest is shown."""
    url = "postgresql://me:s3cret@host/db"
    (tmp_path / "multirun.yaml").write_text(
        f"hydra:\n  overrides:\n    hydra: ['hydra.sweeper.storage={url}']\n    task: [lr=1]\nstorage: {url}\n"
    )
    parsed = _page(study_of(), tmp_path)
    assert "s3cret" not in parsed.text
    assert parsed.text.count("postgresql://me:***@host/db") == 3
    assert "lr=1" in parsed.text


def test_a_file_that_is_no_config_is_left_out(tmp_path: Path) -> None:
    """The page is written all the same."""
    (tmp_path / "multirun.yaml").write_text("a: [")
    assert "Configuration" not in _page(study_of(), tmp_path).text


def test_without_its_libraries_there_is_no_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line says what to install."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert write_page(study_of(), tmp_path, tmp_path) == [
        "No report.html: plotly is not installed. Install it with: pip install 'hyperopt-app[report]'"
    ]
    assert not (tmp_path / "report.html").exists()


def test_the_command_writes_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the other files; the study stays as it was."""
    Path("mine").mkdir()
    study = optuna.create_study(study_name="s", storage=open_storage(None, Path("mine")))
    study.add_trials(searched(n_trials=4).trials)
    before = Path("mine/journal.log").read_bytes()
    main(["report", "mine", "--trees", "4"])
    assert "Saved the report page to mine/report/report.html; open it in a browser" in capsys.readouterr().out
    assert _Parsed(Path("mine/report/report.html").read_text()).drawn >= {"history", "curves"}
    assert Path("mine/journal.log").read_bytes() == before
