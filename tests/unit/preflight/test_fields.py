# SPDX-License-Identifier: MIT
"""The sweeper's fields that Hydra's schema does not bound."""

import pytest
from hydra import compose, initialize_config_module

from hyperopt_app.preflight.fields import with_right_fields
from hyperopt_app.settings.reading import read_settings
from tests._releases import BASE


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("hydra.sweeper.storage=[1,2]", "storage"),
        ("hydra.sweeper.storage=0", "storage"),
        ("hydra.sweeper.storage=''", "storage"),
        ("hydra.sweeper.study_name=''", "study_name"),
        ("hydra.sweeper.study_name='a\nb'", "study_name"),
        ("hydra.sweeper.study_name=../../..", "study_name"),
        ("hydra.sweeper.metric=''", "metric"),
        ("hydra.sweeper.metric=3", "metric"),
        ("hydra.sweeper.metric=[a,3]", "metric"),
        ("hydra.sweeper.n_trials=99999999999", "n_trials"),
        ("hydra.sweeper.n_jobs=99999999999", "n_jobs"),
        ("hydra.sweeper.max_failure_rate=nan", "max_failure_rate"),
        ("hydra.sweeper.custom_search_space=''", "custom_search_space"),
        ("hydra.sweep.dir=''", "dir"),
        ("hydra.sweep.subdir=''", "subdir"),
    ],
)
def test_a_wrong_value_is_one_fault_and_the_rest_can_go_on(word: str, key: str) -> None:
    """What stands in its place has no fault of its own."""
    with initialize_config_module("hyperopt_app.conf", job_name="hyperopt_app", **BASE):
        config = compose("config", ["hparams=sphere", word], return_hydra_config=True)
    settings, faults = with_right_fields(read_settings(config), config)
    assert [fault.split(":")[0].rsplit(".", 1)[1] for fault in faults] == [key]
    assert settings.storage is None
