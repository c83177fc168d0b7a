# SPDX-License-Identifier: MIT
"""A trial stands in the world of a Hydra job, whichever launcher carries its worker (those of clusters: tests/cluster).

What `basic` gives is held against Hydra itself, and what every other launcher gives against `basic`.
"""

from pathlib import Path

import pytest

from tests._releases import IS_1_4
from tests.conftest import _run_python
from tests.contracts import _world as world
from tests.contracts._world import RunScript, Seen

NAMES = {
    "local_workers": ["hydra/launcher=local_workers"],
    "without isolation": ["hydra/launcher=local_workers", "hydra.launcher.isolation=none"],
    "by_hand": ["hydra/launcher=by_hand"],
    "joblib": ["hydra/launcher=joblib"],
    "submitit_local": ["hydra/launcher=submitit_local"],
}


@pytest.fixture(scope="module")
def basic(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What the trials see under `basic`."""
    return world.searched(_run_python, tmp_path_factory.mktemp("basic"), "hydra/launcher=basic")


def test_basic_gives_what_hydra_itself_gives(basic: Seen, run_script: RunScript) -> None:
    """The first trial's overrides, given to Hydra's own sweeper and launcher: every value is equal."""
    first, *_ = basic.trials
    # Hydra 1.3 does not answer ${hydra:runtime.cwd} in the directory of a sweep; what it would answer is written.
    answered = [] if IS_1_4 else [f"hydra.sweep.dir={Path.cwd()}/study"]
    hydras = world.stock(run_script, Path.cwd(), [*first["overrides"], *answered])
    if not IS_1_4:
        hydras.pop("hydra overrides", None)
    assert {**hydras, "job": {**hydras["job"], "config_name": "search"}} == {name: first[name] for name in hydras}


@pytest.mark.parametrize("name", NAMES)
def test_every_launcher_gives_what_basic_gives(name: str, basic: Seen, run_script: RunScript) -> None:
    """Interpolations, resolvers, types, logs, environment, callbacks and the points themselves are equal."""
    if name == "joblib":
        pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="hydra-joblib-launcher is not installed")
    seen = world.searched(run_script, Path.cwd(), *NAMES[name])
    assert seen.trials == basic.trials
    world.assert_one_moment(seen)


def test_a_variable_that_the_script_has_set_reaches_a_worker_by_hand(run_script: RunScript) -> None:
    """As the public templates do it: the script sets PROJECT_ROOT for itself, and `${oc.env:PROJECT_ROOT}` is read."""
    asked = "+seen.set=${oc.env:WORLD_SET}"
    seen = world.searched(run_script, Path.cwd(), "hydra/launcher=by_hand", asked)
    assert {one["config"]["seen"]["set"] for one in seen.trials} == {"by the script"}


def test_what_the_trials_see_is_true(basic: Seen) -> None:
    """All types are the script's own, every group option and name was drawn, and each trial is told its own number."""
    world.assert_one_moment(basic)
    drawn = [one["in the study"] for one in basic.trials]
    assert {one["store"] for one in drawn} == {"lake", "barn"}
    assert {one["mood"] for one in drawn} == {"CALM", "WILD"}
    for number, one in enumerate(basic.trials):
        params, seen, place = one["in the study"], one["config"]["seen"], f"HOME/study/trials/{number}"
        assert set(one["types"].values()) == {True}
        assert one["number"] == one["job"]["num"] == number
        assert one["job"]["id"] == seen["id"] == str(number)
        assert (seen["other_key"], seen["choice"], one["config"]["mood"]) == (
            params["x"],
            params["store"],
            params["mood"],
        )
        assert (one["cwd"], one["output_dir"], seen["below_it"]) == (place, place, f"{place}/checkpoints")
        assert one["env_set"] == [f"job {number}", "/home/of the world/a-b"]
        assert one["logs into"] == [f"{place}/of_job_{number}.txt"]
        assert f"job {number} INFO job {number} is in a mood: {params['mood']}" in one["files"][f"of_job_{number}.txt"]
        assert one["files"]["callback-end"] == [f"house of notes {one['values'][0]}"]
