# SPDX-License-Identifier: MIT
"""A config is shown as Hydra writes it, without the passwords of its URLs."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from hyperopt_app.support.passwords import masked
from hyperopt_app.support.shown_config import shown_config

# Texts like URLs with passwords, with what YAML quotes, escapes and folds between their pieces.
PIECES = st.lists(st.sampled_from([" ", "'", '"', "\n", "\x07", ":", "&", "word"]) | st.text(max_size=4), max_size=20)
BETWEEN = PIECES.map("".join)
HIDING = st.sampled_from([":secret@", "?password=", "?a=b&PWD=", "?Token=", "?odbc_connect=PWD=", "@", "?", ""])
TEXTS = st.builds("{}a://u{}{}{}".format, BETWEEN, BETWEEN, HIDING, BETWEEN) | BETWEEN
VALUES = st.recursive(TEXTS | st.integers() | st.none(), lambda inner: st.lists(inner, max_size=3), max_leaves=5)


def test_a_password_is_hidden_before_it_is_folded() -> None:
    """YAML folds a long text at a blank and doubles its quotes, so that no URL would be found in the lines."""
    url = "postgresql://user:" + "it's " * 30 + "@host/db"
    quoted = "storage='" + url.replace("'", "\\'") + "'"
    shown = shown_config(OmegaConf.create({"storage": url, "words": [quoted], "out": "${storage}"}))
    hidden = "postgresql://user:***@host/db"
    assert shown == f"storage: {hidden}\nwords:\n- storage='{hidden}'\nout: ${{storage}}\n"


def test_a_config_without_a_password_is_shown_as_hydra_does() -> None:
    """Interpolations and missing values as they are written."""
    config = OmegaConf.create({"a": {"b": [1, None, "x"]}, "c": "${a.b}", "d": "???"})
    assert shown_config(config) == OmegaConf.to_yaml(config)


@given(st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4))
def test_no_password_is_shown_whatever_stands_around_it(values: dict[str, Any]) -> None:
    """The look that spares most configs the search never spares one that has a password."""
    config = OmegaConf.create({key: value for key, value in values.items() if "${" not in repr(value)})
    plain = OmegaConf.to_container(config)
    hidden = masked(plain)
    assert shown_config(config) == OmegaConf.to_yaml(OmegaConf.create(hidden))
