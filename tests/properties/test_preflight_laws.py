# SPDX-License-Identifier: MIT
"""A search space of any texts is refused in single lines, or every point of it composes."""

import itertools
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hydra.types import HydraContext
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationValidationError

from hyperopt_app.hydra_compat import store_node
from hyperopt_app.preflight.space import check_space
from hyperopt_app.preflight.values import samples
from hyperopt_app.space.override_text import override_text
from hyperopt_app.space.space import Space, parse_space
from hyperopt_app.worker.trial_job import TrialJobs
from tests.unit._made_sweeps import NOON, made_sweep, write_configs

CONFIGS = {
    "config": """
        defaults: [{model: small}, {sizes: typed}, _self_]
        x: 1
        node: {k: 1, name: a}
        same: ${node}
        layers: [{width: 4}]
        hydra: {sweep: {subdir: '${hydra.job.num}'}}
        """,
    "model/small": "width: 1\n",
    "model/big": "depth: 3\n",
    "model/more/deep": "width: 2\n",
}
MOST_POINTS = 6


@dataclass
class Sizes:
    """What takes whole numbers, and true or false."""

    depth: int = 1
    wide: bool = False


KEYS = """
x node.k node same.k +same.k layers.0.width model model.width +model.depth ++model.depth sizes.depth sizes.wide sizes
sizes.none +new ++new.er +x nothing +model@other layers[3]
"""
WORDS = """
small big more/deep none 1 1.0 2 true null '' 'a_b' [1,2] {k:3} ${x} ${absent} '${node.k}+' ??? nan inf -1e400 typed
[small] \\, ' a=b ${hydra:job.num}
"""
FORMS = "interval({},{}) int(interval({},{})) tag(log,interval({},{})) range({},{}) range({},{},step={})"
keys = st.sampled_from(KEYS.split())
words = st.sampled_from(WORDS.split())
numbers = st.sampled_from(["0", "1", "2", "-3", "0.5", "1e18", "nan", "inf", "-inf", "1e-320", "9007199254740993"])
ranges = st.builds(
    lambda form, one, other, step: form.format(one, other, step),
    st.sampled_from(FORMS.split()),
    numbers,
    numbers,
    numbers,
)
texts = st.one_of(
    st.lists(words, min_size=1, max_size=4).map(",".join),
    st.lists(words, min_size=1, max_size=4).map(lambda some: f"choice({','.join(some)})"),
    ranges,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with CONFIGS."""
    return write_configs(tmp_path_factory.mktemp("conf"), CONFIGS)


def _sweep(folder: Path) -> tuple[HydraContext, DictConfig]:
    store_node("sizes", "typed", Sizes)
    return made_sweep(folder)


def _check(params: Mapping[str, str], folder: Path) -> None:
    context, config = _sweep(folder)
    loader = context.config_loader
    space, faults = parse_space(params, [], loader)
    faults = faults or check_space(
        space,
        lambda overrides: loader.load_sweep_config(config, list(overrides)),
        lambda group: loader.get_group_options(group) if "." not in group else [],
    )
    assert all(fault.strip() and "\n" not in fault for fault in faults)
    if not faults:
        _compose_points(context, config, space)


def _compose_points(context: HydraContext, config: DictConfig, space: Space) -> None:
    jobs = TrialJobs(context, config, lambda _config: None, NOON)
    values = [list(samples(one)) for one in space.distributions.values()]
    for point in itertools.islice(itertools.product(*values), MOST_POINTS):
        searched = [override_text(key, value) for key, value in zip(space.distributions, point, strict=True)]
        task = jobs.compose(space.fixed, searched, 0).task
        for key in space.distributions:
            if "@" in key or "hydra:" in " ".join(searched):  # which only a job can answer
                continue
            # What refers to another searched key may be none for this one with some of its values.
            refers = [text.partition("=")[2] for text in searched if "${" in text]
            is_settled = not any(other.lstrip("+") in text for other in space.distributions for text in refers)
            with nullcontext() if is_settled else suppress(InterpolationValidationError):
                OmegaConf.select(task, key.lstrip("+"))


@settings(max_examples=10)
@given(params=st.dictionaries(keys, texts, min_size=1, max_size=3))
def test_a_space_is_refused_in_single_lines_or_all_of_it_composes(params: Mapping[str, str], folder: Path) -> None:
    """Whatever stands in the texts."""
    _check(params, folder)


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@settings(max_examples=600)
@given(params=st.dictionaries(keys, texts, min_size=1, max_size=3))
def test_so_it_is_with_many_spaces(params: Mapping[str, str], folder: Path) -> None:
    """The same, more often."""
    _check(params, folder)
