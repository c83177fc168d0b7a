# SPDX-License-Identifier: MIT
"""Whatever a user writes survives the way from a choice to a trial's config."""

from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf

from hyperopt_app.space.override_text import element_of, override_text, quoted_text
from hyperopt_app.space.space import parse_space

# To OmegaConf the text ??? alone is a missing value, however it is quoted.
texts = st.one_of(
    st.text(),
    st.text(alphabet="\\'\"${}[]()=,: \t\nab01~@%é", max_size=12),
    st.sampled_from(["null", "true", "1", "1e-3", "nan", "a,b", "it's", "x=y", "\\", "${x}", "\\${x}"]),
).filter(lambda text: text != "???")
numbers = st.one_of(st.integers(), st.floats(allow_nan=False))
plain = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.recursive(plain, lambda inner: st.lists(inner, max_size=4), max_leaves=6)


def _composed(override: Override) -> Any:
    """The value that a config holds after the override, by Hydra's own rule for a plain key."""
    config = OmegaConf.create({"key": None})
    OmegaConf.update(config, "key", override.value(), merge=True)
    return _plain(config)


def _plain(config: DictConfig) -> Any:
    held = OmegaConf.to_container(config, resolve=True)
    assert isinstance(held, dict)
    return held["key"]


def _parsed(text: str) -> Override:
    return OverridesParser.create().parse_override(text)


def _same(left: Any, right: Any) -> bool:
    """Equality that tells true from 1 and 1 from 1.0."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return type(left) is type(right) and bool(left == right)


@given(values.filter(lambda value: "${" not in str(value)))
def test_quoted_text_is_read_back_equal(value: Any) -> None:
    """element_of(quoted_text(v)) equals v, type included."""
    assert _same(element_of(quoted_text(value)), value)


# Hydra has no quotes for the keys of a mapping; letters beyond ASCII and quotes cannot be said there.
keys = st.text(alphabet="ab_01-./+*%@?|\\()[]{}:=, \t", min_size=1, max_size=8).map(str.strip)


@given(st.dictionaries(keys.map(lambda key: f"k{key}"), numbers, min_size=1, max_size=4))
def test_a_mapping_of_odd_names_is_read_back(value: Any) -> None:
    """Its keys are escaped."""
    assert element_of(quoted_text(value)) == value


@given(values)
def test_a_config_holds_what_was_quoted(value: Any) -> None:
    """Also text that looks like an interpolation arrives as that text."""
    assert _same(_composed(_parsed(override_text("key", quoted_text(value)))), value)


@given(st.lists(values, min_size=2, max_size=4, unique_by=repr))
def test_every_choice_of_a_list_gives_the_element_that_was_written(written: list[Any]) -> None:
    """`a,b,c`: composing `key=<choice>` gives what Hydra's own sweep would have given."""
    space, faults = parse_space({"key": ",".join(map(quoted_text, written))}, [])
    assert not faults
    choices = space.distributions["key"].choices  # type: ignore[attr-defined]
    assert len(choices) == len(written)
    for choice, value in zip(choices, written, strict=True):
        assert _same(_composed(_parsed(override_text("key", choice))), value)


unquoted = st.text(alphabet="ab1.-+/*%@?|'\"\\$ é", min_size=1, max_size=6)


@given(st.lists(st.one_of(values.map(quoted_text), unquoted), min_size=1, max_size=4))
def test_every_choice_of_a_call_gives_the_element_that_was_read(written: list[str]) -> None:
    """`choice(...)` with quoted and bare elements: each choice composes to the element that Hydra has read."""
    line = f"key=choice({','.join(written)})"
    space, faults = parse_space({}, [line])
    if faults:  # no such text for Hydra either, or null, which choice() refuses
        return
    sweep = _parsed(line)
    assert isinstance(sweep.value(), ChoiceSweep)
    choices = space.distributions["key"].choices  # type: ignore[attr-defined]
    for choice, element in zip(choices, sweep.sweep_iterator(), strict=True):
        assert _same(_parsed(override_text("key", choice)).value(), Override._convert_value(element))
