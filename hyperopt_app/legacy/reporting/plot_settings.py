# SPDX-License-Identifier: MIT
"""The YAML file of `report -p`: what a user sets about the plots; checked before anything is drawn."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hyperopt_app.errors import ConfigError
from hyperopt_app.legacy.reading.findings import Findings, nearest, shown
from hyperopt_app.legacy.reading.loading import load, plain
from hyperopt_app.reports.plot_settings import PLOTS, PlotSettings

__all__ = ["read_plot_settings"]

_LIMITS = ("set_xlim", "set_ylim")
_SCALES = {"set_xscale", "set_yscale"}
# What matplotlib writes, by the file's name.
_IMAGES = frozenset({".eps", ".jpeg", ".jpg", ".pdf", ".png", ".ps", ".svg", ".tif", ".tiff", ".webp"})
_SCALE_NAMES = ("linear", "log", "symlog", "logit")


def read_plot_settings(path: Path | None) -> dict[str, PlotSettings]:
    """The settings by the plots' names; numbers that YAML 1.1 takes for text (3e4) are numbers.

    Raises:
        ConfigError: The file is faulty.
    """
    if path is None:
        return {}
    findings = Findings(str(path))
    content = plain(load(path, findings))
    settings = {}
    for name, section in content.items():
        if not isinstance(name, str) or not name.startswith(PLOTS):
            findings.fault(str(name), f"this is no plot{nearest(str(name), PLOTS)}; the plots are {', '.join(PLOTS)}")
        elif not isinstance(section, Mapping):
            findings.fault(name, f"{shown(section)} came; a mapping is wanted")
        else:
            settings[name] = _settings(name, section, path.absolute().parent, findings)
    if findings.faults:
        raise ConfigError(findings.faults)
    return settings


def _settings(name: str, section: Mapping[str, Any], beside: Path, findings: Findings) -> PlotSettings:
    save_path, is_file, axes, rcparams = None, False, {}, {}
    for key, value in section.items():
        where = f"{name}.{key}"
        if key == "save_path":
            save_path, is_file = _place(where, value, beside, findings)
        elif key in _LIMITS:
            axes[key] = _limits(where, value, findings)
        elif key in _SCALES:
            axes[key] = value
            if value not in _SCALE_NAMES:
                findings.fault(where, f"{shown(value)} is no scale; write one of {', '.join(_SCALE_NAMES)}")
        elif key == "rcparams" and isinstance(value, Mapping):
            rcparams = {str(one): _number(inner) for one, inner in value.items()}
            _check_rcparams(where, rcparams, findings)
        else:
            known = (*_LIMITS, *sorted(_SCALES), "rcparams (a mapping)", "save_path")
            findings.fault(where, f"this cannot be set; what can be: {', '.join(known)}")
    return PlotSettings(save_path, is_file, axes, rcparams)


def _place(where: str, value: Any, beside: Path, findings: Findings) -> tuple[Path | None, bool]:
    """The path, and whether it is a file.

    As the other paths of the original's files: beside the YAML file if it is there, else in the working directory.
    """
    if not isinstance(value, str) or not value.strip():
        findings.fault(where, f"{shown(value)} is no path; write a directory, or a file that ends with .png or .pdf")
        return None, False
    given = Path(value).expanduser()
    if given.suffix.lower() in _IMAGES and not (beside / given).is_dir() and not given.is_dir():
        is_beside = given.parent != Path() and (beside / given.parent).is_dir()
        return (beside / given if is_beside else Path.cwd() / given), True
    return (beside / given if (beside / given).is_dir() else Path.cwd() / given), False


def _limits(where: str, value: Any, findings: Findings) -> list[Any]:
    limits = [_number(one) for one in value] if isinstance(value, list) else []
    if len(limits) != 2 or any(not isinstance(one, (int, float)) and one is not None for one in limits):
        findings.fault(where, f"{shown(value)} is no range; write two numbers, [low, high]")
    return limits


def _check_rcparams(where: str, rcparams: Mapping[str, Any], findings: Findings) -> None:
    try:
        import matplotlib as mpl
    except ModuleNotFoundError:
        return
    for name, value in rcparams.items():
        try:
            if name not in mpl.rcParams:
                findings.fault(f"{where}.{name}", f"matplotlib has no such setting{nearest(name, mpl.rcParams)}")
                continue
            mpl.RcParams({name: value})
        except ValueError as error:
            findings.fault(f"{where}.{name}", f"{shown(value)} came: {error}")


def _number(value: Any) -> Any:
    if isinstance(value, list):
        return [_number(one) for one in value]
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value
