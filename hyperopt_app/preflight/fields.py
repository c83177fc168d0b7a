# SPDX-License-Identifier: MIT
"""Check fields of the sweeper and `hydra.sweep` that Hydra's schema cannot check, and replace invalid values.

An invalid value is reported and replaced by a valid one, so that the remaining checks can run and all errors are
reported together.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from omegaconf import DictConfig, OmegaConf

from hyperopt_app.settings.keys import not_numbers
from hyperopt_app.settings.reading import Settings
from hyperopt_app.support.display_text import shortened, visible

__all__ = ["MOST_SECONDS", "is_seconds", "with_right_fields"]

# Some thirty years: threads cannot wait for much longer.
MOST_SECONDS = 1e9
# A trial's number has 32 bits in a database; and no machine holds more processes than that.
_MOST_TRIALS, _MOST_WORKERS = 2**31 - 1, 100_000
# As many characters as a database keeps.
_LONGEST_NAME = 512


def is_seconds(value: Any) -> bool:
    """Whether a value is a usable number of seconds."""
    return bool(0 < value <= MOST_SECONDS)


def with_right_fields(settings: Settings, config: DictConfig) -> tuple[Settings, list[str]]:
    """Return the settings without invalid values, and the errors.

    Args:
        settings: As composed.
        config: The sweep's config.
    """
    plain: Any = OmegaConf.to_container(config.hydra, resolve=False, enum_to_str=True)
    faults = [*not_numbers(plain["sweeper"], "hydra.sweeper"), *not_numbers(plain["launcher"], "hydra.launcher")]
    checked = {
        "storage": _storage(settings.storage),
        "study_name": _study_name(settings.study_name),
        "custom_search_space": _empty_path(settings.custom_search_space),
    }
    faults += [f"hydra.sweeper.{name}: {fault}" for name, fault in checked.items() if fault]
    faults += [*_metrics(plain["sweeper"].get("metric")), *_count_faults(settings), *_directories(config)]
    kept: dict[str, Any] = {name: None for name, fault in checked.items() if fault}
    return replace(settings, **kept), faults


def _storage(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value.strip() and not _has_control(value)):
        return None
    came = shortened(repr(value))
    return (
        f"{came} is not allowed; write null for the journal in the study's directory, a path that ends in .log or "
        ".journal, or a URL such as sqlite:///FILE"
    )


def _study_name(name: str | None) -> str | None:
    if name is None:
        return None
    parts = name.split("/")
    if not name.strip() or _has_control(name) or len(name) > _LONGEST_NAME or {".", ".."} & {*parts}:
        came = shortened(repr(name))
        return (
            f"{came} is not allowed; write a name of at most {_LONGEST_NAME} characters, without line ends and "
            "control characters, that is not a path out of a directory"
        )
    return None


def _empty_path(path: str | None) -> str | None:
    if path is None or path.strip():
        return None
    return f"{path!r} is not allowed; give the dotted path of a function configure(config, trial), or null"


def _metrics(metric: Any) -> Iterator[str]:
    """Check that the metrics' names are texts; any other name could never be returned."""
    listed = [*metric] if isinstance(metric, (list, dict)) else [metric]
    for name in [] if metric is None else listed:
        if not isinstance(name, str) or not name.strip() or _has_control(name) or len(name) > _LONGEST_NAME:
            came = shortened(repr(name))
            yield (
                f"hydra.sweeper.metric: {came} is not allowed; write the name under which the objective "
                "returns the value, or a list of such names"
            )


def _count_faults(settings: Settings) -> Iterator[str]:
    for name, value, most in (
        ("n_trials", settings.n_trials, _MOST_TRIALS),
        ("n_jobs", settings.n_jobs, _MOST_WORKERS),
    ):
        if value > most:
            yield f"hydra.sweeper.{name}: {value} is not allowed; set a whole number from 1 to {most}"


def _directories(config: DictConfig) -> Iterator[str]:
    plain: Any = OmegaConf.to_container(config.hydra.sweep, resolve=False)
    for name, example in (("dir", "studies/mine"), ("subdir", "trials/${hydra.job.num}")):
        # An error in what a reference brings in is reported there; `subdir` has no value before a job runs.
        value = plain[name] if "${" in str(plain[name]) else config.hydra.sweep[name]
        if not isinstance(value, str) or not value.strip() or _has_control(value):
            came = shortened(repr(value))
            yield f"hydra.sweep.{name}: {came} is not allowed; write the path of a directory, e.g. {example}"


def _has_control(text: str) -> bool:
    return visible(text) != text or "\n" in text or "\t" in text
