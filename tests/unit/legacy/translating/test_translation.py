# SPDX-License-Identifier: MIT
"""A pair as a Hydra config: what stands where, and that Hydra composes it into what the objective always got."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from omegaconf import DictConfig, OmegaConf, open_dict
from optuna.distributions import CategoricalDistribution

from hyperopt_app.legacy.objectives.user_config import Shape, plain_config
from hyperopt_app.legacy.reading.pair import Method, Pair
from hyperopt_app.legacy.translating.config_text import write_config
from hyperopt_app.legacy.translating.translation import PASSWORD_VARIABLE, study_dir_of, translate
from hyperopt_app.preflight.settings import check_settings
from hyperopt_app.settings.reading import read_settings
from hyperopt_app.space.space import Space, parse_space, with_values
from tests._releases import BASE
from tests.conftest import HAS_OLD_STOCK
from tests.unit.legacy._pairs import MODEL, OPTUNA, ORIGINAL, parameter, read, section

needs_cmaes = pytest.mark.skipif(find_spec("cmaes") is None, reason="cmaes is not installed")


@contextmanager
def _composed(folder: Path, pair: Pair, *overrides: str) -> Iterator[DictConfig]:
    path = write_config(translate(pair), pair, folder / "made")
    with initialize_config_dir(str(path.parent), **BASE):
        yield compose(path.stem, [*overrides], return_hydra_config=True)
    GlobalHydra.instance().clear()


def _space(config: DictConfig) -> Space:
    settings = read_settings(config)
    space, faults = parse_space(settings.params, [], None, settings.names)
    assert [*faults, *check_settings(settings, space)] == []
    return space


def _seen(config: DictConfig) -> dict[Any, Any]:
    """What the adapter makes of a composed config."""
    node: Any = OmegaConf.to_container(config.objective, resolve=True)
    with open_dict(config):
        del config["hydra"]
    return plain_config(config, Shape(**{key: node[key] for key in Shape.__dataclass_fields__ if key in node}))


def _same(one: Any, other: Any) -> bool:
    """Equal in value and type; NaN is itself."""
    if isinstance(one, dict):
        return isinstance(other, dict) and list(one) == list(other) and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and (one == other or repr(one) == repr(other) == "nan")


def test_the_config_is_what_a_new_user_would_write(tmp_path: Path) -> None:
    """The model config at the root, the search under hydra.sweeper."""
    pair = read(tmp_path, section({"sampler": {"type": "TPESampler", "n_startup_trials": 7}}))
    config = translate(pair).config
    assert list(config) == ["defaults", *MODEL, "objective", "optuna", "hydra"]
    assert config["defaults"] == [
        *("_self_", {"override hydra/sweeper": "async_optuna"}, {"override hydra/launcher": "local_workers"}),
        *({"override hydra/sweeper/sampler": "async_tpe"}, {"override hydra/sweeper/pruner": "nop"}),
    ]
    assert config["hydra"]["sweeper"] == {
        "study_name": "rain",
        "storage": f"sqlite:///{tmp_path}/results/rain.db",
        "metric": "val_loss",
        "direction": "minimize",
        "n_trials": 50,
        "n_jobs": 1,
        "sampler": {"n_startup_trials": 7},
        "params": {
            "optimizer.learning_rate": "tag(log, interval(1e-05, 0.1))",
            "model.layers": "int(interval(1, 8))",
        },
        "names": {"optimizer.learning_rate": "lr", "model.layers": "layers"},
    }
    assert config["hydra"]["sweep"]["dir"] == str(study_dir_of(pair)) == f"{tmp_path}/results/studies/rain"


def test_translating_reads_and_writes_nothing(tmp_path: Path) -> None:
    """It is pure: the same pair gives the same config, and nothing is there afterwards."""
    pair = read(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert translate(pair) == translate(pair)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_name_stands_only_where_it_differs(tmp_path: Path) -> None:
    """A plain key that is called as it is written needs none."""
    optuna = section({"parameters": {"seed": parameter("int", name="seed", low=1, high=3)}})
    assert "names" not in translate(read(tmp_path, optuna)).config["hydra"]["sweeper"]


def test_the_study_has_the_names_of_old(tmp_path: Path) -> None:
    """So that an existing database goes on."""
    with _composed(tmp_path, read(tmp_path)) as config:
        assert list(_space(config).parameters) == ["lr", "layers"]


def test_tied_parameters_are_one_in_the_study(tmp_path: Path) -> None:
    """Q4: two keys, one value."""
    tied = {key: parameter("int", low=1, high=8) for key in ("model:layers", "trainer:batch_size")}
    with _composed(tmp_path, read(tmp_path, section({"parameters": tied}))) as config:
        space = _space(config)
        assert list(space.parameters) == ["p"]
        assert space.values({"p": 3}) == {"model.layers": 3, "trainer.batch_size": 3}


def test_a_parameter_of_the_objectives_is_not_searched_here(tmp_path: Path) -> None:
    """Q6: it stands in conf["optuna"]["parameters"], where the objective looks for it."""
    optuna = section({"parameters": {"blocks": parameter("int", low=1, high=8)}})
    with _composed(tmp_path, read(tmp_path, optuna)) as config:
        assert _space(config).parameters == {}
        assert _seen(config)["optuna"]["parameters"] == optuna["parameters"]


def test_a_key_that_is_made_is_an_addition(tmp_path: Path) -> None:
    """Q5: with Hydra's plus."""
    optuna = section({"parameters": {"trainer:loss": parameter("categorical", choices=["mae", "mse"])}})
    with _composed(tmp_path, read(tmp_path, optuna), "+trainer.loss=mae") as config:
        assert list(_space(config).distributions) == ["+trainer.loss"]
        assert config.trainer.loss == "mae"


def test_whole_steps_are_given_as_ints(tmp_path: Path) -> None:
    """Q7: the study has the float of old, the objective the int."""
    optuna = section({"parameters": {"model:layers": parameter("discrete_uniform", low=1, high=9, q=2)}})
    with _composed(tmp_path, read(tmp_path, optuna), "model.layers=5.0") as config:
        assert _space(config).parameters["p"].to_internal_repr(5.0) == 5.0
        layers = _seen(config)["model"]["layers"]
        assert (layers, type(layers)) == (5, int)


# What Hydra, OmegaConf or YAML would take for their own.
NASTY = """\
defaults: [a, b]
hydra: {sweeper: 3}
objective: mse
objective_: taken
placed: {x: 1}
0: {1: [a, b], -1: x, 2.5: y, true: z}
"a.b": {c: 1, "d.e": 2}
"key with blanks": {lr: 0.1}
UGRD_m/s: [x]
"": empty
dollar: "${HOME}/x and \\\\${esc} and \\\\\\\\${e2} $HOME ${"
marks: "???"
inner: ["???", "a???", 2020-01-01, {when: 2020-01-01}]
stamp: 2001-12-14T21:59:43.1-05:00
nothing: null
sixty: 12:00:00
small: 1e-6
words: [on, off, "on", None, ~, .nan, -.inf, 1.0e-6, "1e-3", 0x1F, "12:00", "2020-01-01"]
lines: |
  one
  two: x
"quote'd": 'it''s "x"'
unicode: "é 漢 \\u2028 \\x85"
empty: {map: {}, list: []}
"""


def test_q37_every_model_config_comes_through(tmp_path: Path) -> None:
    """Integer keys, dots, Hydra's own names, interpolations, dates: the objective gets what PyYAML once gave it."""
    pair = read(tmp_path, section({"parameters": {}}), model=NASTY)
    with _composed(tmp_path, pair) as config:
        seen = _seen(config)
        for key, value in {**pair.model, "optuna": pair.optuna}.items():
            assert _same(seen[key], value), key
        assert set(seen) == {*pair.model, "optuna"}


def test_what_an_override_cannot_name_is_placed(tmp_path: Path) -> None:
    """Dots and blanks in a part, choices that are mappings, a section that is replaced by a value."""
    keys = ["a.b:d.e", "key with blanks:lr", "hydra:sweeper", "objective", "empty:map"]
    parameters = {key: parameter("int", name=f"n{number}", low=1, high=5) for number, key in enumerate(keys)}
    parameters["small"] = parameter("categorical", name="s", choices=[{"x": 1}, None])
    pair = read(tmp_path, section({"parameters": parameters}), model=NASTY)
    values = ["placed.p0=1", "placed.p1=2", "hydra_.sweeper=3", "objective__=4", "placed.p2=5", "placed.p3={x:1}"]
    with _composed(tmp_path, pair, *values) as config:
        space = _space(config)
        assert [key.split("=")[0] for key in values] == list(space.distributions)
        assert list(space.parameters) == ["n0", "n1", "n2", "n3", "n4", "s"]
        seen = _seen(config)
    found = [seen["a.b"]["d.e"], seen["key with blanks"]["lr"], seen["hydra"]["sweeper"], seen["objective"]]
    assert [*found, seen["empty"]["map"], seen["small"]] == [1, 2, 3, 4, 5, {"x": 1}]


def test_choices_with_an_interpolation_stay_text(tmp_path: Path) -> None:
    """`${x}` is no interpolation, neither in the params nor in the config."""
    optuna = section({"parameters": {"model:activation": parameter("categorical", choices=["${seed}", "b"])}})
    with _composed(tmp_path, read(tmp_path, optuna)) as config:
        (distribution,) = _space(config).distributions.values()
        text = distribution.choices[0]  # type: ignore[attr-defined]
    with _composed(tmp_path, read(tmp_path, optuna), f"model.activation={text}") as config:
        assert config.model.activation == "${seed}"


def test_q29_the_workers_are_those_of_the_launcher(tmp_path: Path) -> None:
    """n_jobs counts workers of all jobs; the block's other fields stand under hydra.launcher."""
    batch = {"t": "1:00:00", "gres": "gpu:2", "n": 4, "J": "x${y}", "mail-user": "${m}"}
    slurm = {"jobs": 3, "gpus_per_node": 2, "batch": batch, "bash": ["a ${B}"]}
    with _composed(tmp_path, read(tmp_path, slurm=slurm)) as config:
        assert config.hydra.sweeper.n_jobs == 6
        assert config.hydra.launcher["_target_"].endswith("SlurmWorkersLauncher")
        assert (config.hydra.launcher.cpus_per_task, config.hydra.launcher.timeout_min) == (4, 60)
        launcher = Plugins.instance()._instantiate(config.hydra.launcher)
    # What the launcher itself gets: texts as they were written, and none of them an interpolation.
    settings = launcher._plain()  # type: ignore[attr-defined]
    assert (settings["setup"], settings["name"]) == (["a ${B}"], "x${y}")
    assert settings["additional_parameters"] == {"mail-user": "${m}"}


def test_q36_both_launchers_have_a_config(tmp_path: Path) -> None:
    """config.yaml for the first, config_pbs_workers.yaml for the second; both of the one study."""
    blocks = {"slurm": {"jobs": 2, "batch": {"t": "1:00:00"}}, "pbs": {"jobs": 3, "batch": {"l": ["walltime=1:00:00"]}}}
    pair = read(tmp_path, **blocks)  # type: ignore[arg-type]
    translation = translate(pair)
    assert translation.launchers == ("slurm_workers", "pbs_workers")
    with _composed(tmp_path, pair) as config:
        assert config.hydra.sweeper.n_jobs == 2
    with initialize_config_dir(str(tmp_path / "made"), **BASE):
        config = compose("config_pbs_workers", return_hydra_config=True)
        assert (config.hydra.sweeper.n_jobs, config.hydra.launcher.walltime) == (3, "01:00:00")
        assert config.hydra.sweep.dir == str(study_dir_of(pair))


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("mysql://me:ge:heim@db:3306/optuna", "mysql://me:{}@db:3306/optuna"),
        ("postgresql+psycopg://me@db/o?password=ge:heim&x=1", "postgresql+psycopg://me@db/o?password={}&x=1"),
    ],
    ids=["authority", "query"],
)
def test_q44_a_password_stands_in_no_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, kept: str
) -> None:
    """It is a variable of the environment; what the objective sees is masked."""
    pair = read(tmp_path, section({"storage": url, "storage_type": "maria"}))
    translation = translate(pair)
    assert translation.environment == {PASSWORD_VARIABLE: "ge:heim"}
    assert "ge:heim" not in write_config(translation, pair, tmp_path / "made").read_text(encoding="utf-8")
    assert translation.config["hydra"]["sweeper"]["storage"] == kept.format(f"${{oc.env:{PASSWORD_VARIABLE}}}")
    monkeypatch.setenv(PASSWORD_VARIABLE, "ge:heim")
    with _composed(tmp_path, pair) as config:
        assert config.hydra.sweeper.storage == url


@pytest.mark.parametrize(
    ("name", "arguments", "group", "target"),
    [
        ("TPESampler", {"n_startup_trials": 3, "multivariate": True}, "async_tpe", "TPESampler"),
        ("RandomSampler", {"seed": 3}, "random", "RandomSampler"),
        pytest.param(
            "CmaEsSampler",
            {"n_startup_trials": 2},
            "cmaes",
            "CmaEsSampler",
            marks=[needs_cmaes, pytest.mark.skipif(HAS_OLD_STOCK, reason="the driver replaces an old group's fields")],
        ),
        ("NSGAIISampler", {"population_size": 8}, "nsgaii", ("create_nsgaii_sampler", "NSGAIISampler")),
        ("QMCSampler", {"scramble": True}, "qmc", "QMCSampler"),
        ("BruteForceSampler", {}, "brute_force", "BruteForceSampler"),
    ],
)
def test_q31_a_sampler_is_a_group_with_its_arguments(
    tmp_path: Path, name: str, arguments: dict[str, Any], group: str, target: str | tuple[str, ...]
) -> None:
    """The seed is the study's; the core's own checks build it."""
    steps = {"model:layers": parameter("int", low=1, high=3)}
    pair = read(tmp_path, section({"sampler": {"type": name, **arguments}, "parameters": steps}))
    overrides = [entry for entry in translate(pair).config["defaults"] if "override hydra/sweeper/sampler" in entry]
    assert overrides == [{"override hydra/sweeper/sampler": group}]
    with _composed(tmp_path, pair) as config:
        _space(config)
        node = config.hydra.sweeper.sampler
        assert node["_target_"].endswith(target)
        assert all(node[key] == value for key, value in arguments.items() if key != "seed")
        assert config.hydra.sweeper.seed == arguments.get("seed")


def test_arguments_without_a_field_get_a_file(tmp_path: Path) -> None:
    """hydra/sweeper/sampler/original.yaml; such are those of releases to come."""
    from dataclasses import replace

    pair = replace(read(tmp_path), sampler=Method("RandomSampler", {"colour": "red"}))
    translation = translate(pair)
    assert translation.files == {
        "hydra/sweeper/sampler/original.yaml": {"_target_": "optuna.samplers.RandomSampler", "colour": "red"}
    }
    with _composed(tmp_path, pair) as config:
        assert config.hydra.sweeper.sampler == {"_target_": "optuna.samplers.RandomSampler", "colour": "red"}


def test_a_sampler_within_a_sampler_is_a_node(tmp_path: Path) -> None:
    """Some parameters held fixed, the others by TPE."""
    sampler = {"type": "PartialFixedSampler", "fixed_params": {"layers": 2}, "base_sampler": {"type": "RandomSampler"}}
    with _composed(tmp_path, read(tmp_path, section({"sampler": sampler}))) as config:
        _space(config)
        assert config.hydra.sweeper.sampler.base_sampler == {"_target_": "optuna.samplers.RandomSampler"}


def test_q30_the_originals_pruner_is_written_down(tmp_path: Path) -> None:
    """The median rule that was in force without a word."""
    with _composed(tmp_path, read(tmp_path, ORIGINAL, save_path=...)) as config:
        assert config.hydra.sweeper.pruner["_target_"] == "optuna.pruners.MedianPruner"


def test_q39_first_points_go_by_key(tmp_path: Path) -> None:
    """What only the objective suggests, and what is out of range, is let pass."""
    pair = read(tmp_path, section({"enqueue": [{"lr": 0.01, "layers": 3}]}))
    sweeper = translate(pair).config["hydra"]["sweeper"]
    assert sweeper["enqueue"] == [{"optimizer.learning_rate": 0.01, "model.layers": 3}]
    assert "enqueue_unchecked" not in sweeper
    parameters = {**OPTUNA["parameters"], "blocks": parameter("int", name="blocks", low=1, high=3)}
    optuna = section({"enqueue": [{"blocks": 2}, {"layers": 99}], "parameters": parameters})
    with _composed(tmp_path, read(tmp_path, optuna)) as config:
        _space(config)
        assert config.hydra.sweeper.enqueue_unchecked is True


def test_q33_the_log_is_appended_to_beside_hydras_own(tmp_path: Path) -> None:
    """In the original's own format; without `log` there is none."""
    with _composed(tmp_path, read(tmp_path, log=True)) as config:
        logging = config.hydra.job_logging
        assert list(logging.root.handlers) == ["console", "file", "original"]
        assert logging.handlers.original.filename == str(tmp_path / "results" / "log.txt")
        assert (logging.handlers.original.mode, logging.formatters.original.format) == (
            "a",
            "%(levelname)s:%(name)s:%(message)s",
        )
    assert "job_logging" not in translate(read(tmp_path)).config["hydra"]


def test_several_metrics_are_lists(tmp_path: Path) -> None:
    """In their order."""
    optuna = section({"metric": ["b", "a"], "direction": ["maximize", "minimize"]})
    with _composed(tmp_path, read(tmp_path, optuna)) as config:
        settings = read_settings(config)
        assert (settings.metric_names, settings.directions) == (("b", "a"), ("maximize", "minimize"))


def test_a_studys_name_need_be_no_files(tmp_path: Path) -> None:
    """Its directory has a name that is safe."""
    pair = read(tmp_path, section({"study_name": "../my study/${x}"}))
    assert study_dir_of(pair).parent == tmp_path / "results" / "studies"
    with _composed(tmp_path, pair) as config:
        assert config.hydra.sweeper.study_name == "../my study/${x}"


def test_tuples_are_tuples_again(tmp_path: Path) -> None:
    """A model file that Python dumped has them, and code asks for them."""
    model = "{optimizer: {learning_rate: 1}, model: {layers: 2}, s: !!python/tuple [1, [!!python/tuple [2020-01-01]]]}"
    pair = read(tmp_path, model=model)
    assert pair.model["s"] == (1, [(dt.date(2020, 1, 1),)])
    with _composed(tmp_path, pair, "optimizer.learning_rate=0.1") as config:
        seen = _seen(config)["s"]
    assert seen == pair.model["s"]


def test_a_section_and_a_key_within_it_are_set_in_the_files_order(tmp_path: Path) -> None:
    """What is set last counts, as always; a training without a search has the model's own section."""
    layers = parameter("int", low=1, high=9)
    whole = parameter("categorical", name="m", choices=[{"layers": 20}])
    pair = read(tmp_path, section({"parameters": {"model": whole, "model:layers": layers}}))
    with _composed(tmp_path, pair) as config:
        assert _seen(config)["model"] == MODEL["model"]
    with _composed(tmp_path, pair, "placed.p0={layers:20}", "placed.p1=4") as config:
        assert _seen(config)["model"] == {"layers": 4}
    pair = read(tmp_path, section({"parameters": {"model:layers": layers, "model": whole}}))
    with _composed(tmp_path, pair, "placed.p0=4", "placed.p1={layers:20}") as config:
        assert _seen(config)["model"] == {"layers": 20}


@pytest.mark.parametrize("value", ["x", "a,b", "1", None, ["m", 1], {"k": "v w"}, 2.5, True], ids=repr)
def test_what_a_sampler_fixes_is_a_choice_of_the_study(tmp_path: Path, value: Any) -> None:
    """The study keeps choices as the original did, and Optuna compares."""
    choices = ["x", "a,b", "1", None, ["m", 1], {"k": "v w"}, 2.5, True]
    sampler = {"type": "PartialFixedSampler", "fixed_params": {"p": value}}
    entry = {"model:activation": parameter("categorical", choices=choices)}
    pair = read(tmp_path, section({"sampler": sampler, "parameters": entry}))
    with _composed(tmp_path, pair) as config:
        (distribution,) = with_values(_space(config)).parameters.values()
        assert config.hydra.sweeper.plain_choices
        fixed = config.hydra.sweeper.sampler.fixed_params.p
    assert isinstance(distribution, CategoricalDistribution)
    fixed = OmegaConf.to_container(fixed) if OmegaConf.is_config(fixed) else fixed
    assert distribution.choices.index(fixed) == choices.index(value)
