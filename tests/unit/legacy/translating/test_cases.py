# SPDX-License-Identifier: MIT
"""Pairs of files in every dialect of the original, and what becomes of each.

`expected.yaml` of a folder of tests/legacy_cases has the dialect, the notes, and what the translation adds to the
user's own tree; or the faults. `<here>` stands for the folder.
`python -m tests.unit.legacy.translating.test_cases` writes them anew; read the difference before you keep it.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf, open_dict

from hyperopt_app.errors import ConfigError
from hyperopt_app.hydra_compat import PLUGIN_FIELDS_ARE_READ_TWICE
from hyperopt_app.legacy.objectives.user_config import Shape, plain_config
from hyperopt_app.legacy.reader import read_pair
from hyperopt_app.legacy.translating.config_text import write_config
from hyperopt_app.legacy.translating.translation import PASSWORD_VARIABLE, translate
from hyperopt_app.preflight.settings import check_settings
from hyperopt_app.settings.reading import read_settings
from hyperopt_app.space.space import parse_space
from tests._releases import BASE

CASES = Path(__file__).resolve().parents[3] / "legacy_cases"
NAMES = sorted(path.parent.name for path in CASES.glob("*/hyperparameter.yml"))


def _outcome(name: str, here: Path) -> dict[str, Any]:
    """What reading and translating a case in that folder comes to, as plain data."""
    for path in CASES.joinpath(name).glob("*.yml"):
        shutil.copy(path, here)
    model = here / "model.yml"
    try:
        pair = read_pair(here / "hyperparameter.yml", model if model.exists() else None, {}, here, lambda _path: None)
    except ConfigError as error:
        return {"faults": [fault.replace(str(here), "<here>") for fault in error.faults]}
    translation = translate(pair)
    added = {
        key: value for key, value in translation.config.items() if key in ("defaults", "placed", "objective", "hydra")
    }
    found = {
        "dialect": pair.dialect,
        "launchers": [one.name for one in pair.launchers],
        "files": sorted(translation.files),
        "environment": sorted(translation.environment),
        "notes": list(pair.notes),
        "added": added,
    }
    plain = yaml.safe_load(yaml.safe_dump(found, width=2**20, sort_keys=False).replace(str(here), "<here>"))
    return {key: value for key, value in plain.items() if value}


def _escaped_once(value: Any) -> Any:
    """Texts of a launcher's node as they are written for Hydra 1.4; Hydra 1.3 wants a second escape of each."""
    if isinstance(value, dict):
        return {key: _escaped_once(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_escaped_once(inner) for inner in value]
    return value.replace(r"\\\${", r"\${") if isinstance(value, str) else value


@pytest.mark.parametrize("name", NAMES)
def test_a_case_becomes_what_is_written_down(name: str, tmp_path: Path) -> None:
    """Dialect by dialect, quirk by quirk."""
    expected = yaml.safe_load((CASES / name / "expected.yaml").read_text(encoding="utf-8"))
    # As text: the order of parameters is that of the tables' columns.
    outcome = _outcome(name, tmp_path)
    if PLUGIN_FIELDS_ARE_READ_TWICE and "launcher" in outcome.get("added", {}).get("hydra", {}):
        launcher = outcome["added"]["hydra"]["launcher"]  # the sweeper reads its node itself, once
        outcome["added"]["hydra"]["launcher"] = _escaped_once(launcher)
    text = yaml.safe_dump(outcome, sort_keys=False)
    assert text == yaml.safe_dump(expected, sort_keys=False)


@pytest.mark.parametrize("name", NAMES)
def test_a_case_composes_and_gives_the_objective_its_own(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under Hydra; the space and the sampler pass the checks of the sweep, and the model config is whole."""
    if "faults" in _outcome(name, tmp_path):
        return
    monkeypatch.setenv(PASSWORD_VARIABLE, "secret")
    model = tmp_path / "model.yml"
    pair = read_pair(tmp_path / "hyperparameter.yml", model if model.exists() else None, {}, tmp_path)
    path = write_config(translate(pair), pair, tmp_path / "made")
    assert "secret" not in path.read_text(encoding="utf-8")
    with initialize_config_dir(str(path.parent), **BASE):
        config = compose("config", return_hydra_config=True)
    settings = read_settings(config)
    space, faults = parse_space(settings.params, [], None, settings.names)
    assert [*faults, *check_settings(settings, space)] == []
    applied = [one for one in pair.parameters if one.place != "objective"]
    assert set(space.parameters) == {one.name for one in applied}
    node: Any = OmegaConf.to_container(config.objective, resolve=True)
    with open_dict(config):
        del config["hydra"]
    seen = plain_config(config, Shape(**{key: node[key] for key in Shape.__dataclass_fields__ if key in node}))
    assert {key: value for key, value in seen.items() if key != "optuna"} == pair.model


def test_every_dialect_has_a_case() -> None:
    """A0 to B4, and files of mixed keys."""
    assert {"A0", "A1", "A2", "B1", "B2", "B3", "B4", "mixed", "local"} <= set(NAMES)


if __name__ == "__main__":
    for case in NAMES:
        with tempfile.TemporaryDirectory() as folder:
            text = yaml.safe_dump(_outcome(case, Path(folder)), sort_keys=False, width=110, allow_unicode=True)
            (CASES / case / "expected.yaml").write_text(text, encoding="utf-8")
