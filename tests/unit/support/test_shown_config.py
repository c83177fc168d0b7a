# SPDX-License-Identifier: MIT
"""A config is shown as Hydra writes it, without the passwords of its URLs."""

from omegaconf import OmegaConf

from hyperopt_app.support.shown_config import shown_config


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
