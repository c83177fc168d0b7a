# SPDX-License-Identifier: MIT
"""Read and check the YAML file with plot settings, before anything is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hyperopt_app.errors import ConfigError
from hyperopt_app.support.display_text import did_you_mean, shortened

__all__ = ["PLOTS", "PlotSettings", "plot_settings", "read_plot_settings"]

_LIMITS = ("set_xlim", "set_ylim")
_SCALES = {"set_xscale", "set_yscale"}
# What matplotlib writes, by the file's name.
_IMAGES = frozenset({".eps", ".jpeg", ".jpg", ".pdf", ".png", ".ps", ".svg", ".tif", ".tiff", ".webp"})
_SCALE_NAMES = ("linear", "log", "symlog", "logit")
PLOTS = ("optimization_history", "intermediate_values", "pareto_front", "partial_dependence")


@dataclass(frozen=True)
class PlotSettings:
    """The settings of one plot.

    Attributes:
        save_path: Directory of the plot, or its file if it ends like one; None for the directory of the study.
        is_file: Whether `save_path` is a file.
        axes: Method of matplotlib's axes to its argument: set_xlim, set_ylim, set_xscale, set_yscale.
        rcparams: matplotlib's own settings.
    """

    save_path: Path | None = None
    is_file: bool = False
    axes: Mapping[str, Any] = field(default_factory=dict)
    rcparams: Mapping[str, Any] = field(default_factory=dict)


def read_plot_settings(path: Path) -> dict[str, PlotSettings]:
    """Read the settings in a YAML file, by the plots' names.

    Raises:
        ConfigError: The file cannot be read, or is faulty.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: it cannot be read: {error.strerror}; check the path"]) from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError([f"{path}: this is not YAML: {' '.join(str(error).split())}"]) from None
    if not isinstance(content, dict):
        raise ConfigError([f"{path}: it holds {shortened(repr(content))}; write a mapping of plots to their settings"])
    return plot_settings(content, path)


def plot_settings(content: Mapping[Any, Any], path: Path) -> dict[str, PlotSettings]:
    """Check the settings of a file, by the plots' names; numbers that YAML 1.1 takes for text (3e4) are converted.

    Args:
        content: What the file holds.
        path: The file: for messages, and for paths beside it.

    Raises:
        ConfigError: With all that is wrong.
    """
    faults, settings = list[str](), dict[str, PlotSettings]()
    for name, section in content.items():
        where = f"{path}: {name}"
        if not isinstance(name, str) or not name.startswith(PLOTS):
            faults.append(
                f"{where}: this is not a plot{did_you_mean(str(name), PLOTS)}; the plots are {', '.join(PLOTS)}"
            )
        elif not isinstance(section, Mapping):
            faults.append(f"{where}: {shortened(repr(section))} is not a mapping; write one")
        else:
            settings[name] = _settings(where, section, path.absolute().parent, faults)
    if faults:
        raise ConfigError(faults)
    return settings


def _settings(place: str, section: Mapping[str, Any], beside: Path, faults: list[str]) -> PlotSettings:
    save_path, is_file, axes, rcparams = None, False, {}, {}
    for key, value in section.items():
        where = f"{place}.{key}"
        if key == "save_path":
            save_path, is_file = _save_place(where, value, beside, faults)
        elif key in _LIMITS:
            axes[key] = _limits(where, value, faults)
        elif key in _SCALES:
            axes[key] = value
            if value not in _SCALE_NAMES:
                faults.append(
                    f"{where}: {shortened(repr(value))} is not a scale; write one of {', '.join(_SCALE_NAMES)}"
                )
        elif key == "rcparams" and isinstance(value, Mapping):
            rcparams = {str(name): _with_numbers(inner) for name, inner in value.items()}
            _check_rcparams(where, rcparams, faults)
        else:
            known = (*_LIMITS, *sorted(_SCALES), "rcparams (a mapping)", "save_path")
            faults.append(f"{where}: this cannot be set; what can be: {', '.join(known)}")
    return PlotSettings(save_path, is_file, axes, rcparams)


def _save_place(where: str, value: Any, beside: Path, faults: list[str]) -> tuple[Path | None, bool]:
    """Return the path, and whether it is a file.

    As the other paths of the original's files: beside the YAML file if it is there, else in the working directory.
    """
    if not isinstance(value, str) or not value.strip():
        faults.append(
            f"{where}: {shortened(repr(value))} is not a path; write a directory, or a file that ends with .png or .pdf"
        )
        return None, False
    path = Path(value).expanduser()
    if path.suffix.lower() in _IMAGES and not (beside / path).is_dir() and not path.is_dir():
        is_beside = path.parent != Path() and (beside / path.parent).is_dir()
        return (beside / path if is_beside else Path.cwd() / path), True
    return (beside / path if (beside / path).is_dir() else Path.cwd() / path), False


def _limits(where: str, value: Any, faults: list[str]) -> list[Any]:
    limits = [_with_numbers(limit) for limit in value] if isinstance(value, list) else []
    if len(limits) != 2 or any(not isinstance(limit, (int, float)) and limit is not None for limit in limits):
        faults.append(f"{where}: {shortened(repr(value))} is not a range; write two numbers, [low, high]")
    return limits


def _check_rcparams(where: str, rcparams: Mapping[str, Any], faults: list[str]) -> None:
    try:
        import matplotlib as mpl
    except ModuleNotFoundError:
        return
    for name, value in rcparams.items():
        try:
            if name not in mpl.rcParams:
                faults.append(f"{where}.{name}: matplotlib has no such setting{did_you_mean(name, list(mpl.rcParams))}")
                continue
            mpl.RcParams({name: value})
        except ValueError as error:
            faults.append(f"{where}.{name}: {shortened(repr(value))} came: {error}")


def _with_numbers(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_numbers(item) for item in value]
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value
