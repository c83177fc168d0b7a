# SPDX-License-Identifier: MIT
"""Read `optuna.sampler` and `optuna.pruner`: map old names to current ones and check arguments against Optuna."""

import inspect
import warnings
from collections.abc import Mapping
from typing import Any

from hyperopt_app.legacy.reading.findings import Findings, nearest, shown
from hyperopt_app.legacy.reading.pair import Method
from hyperopt_app.legacy.reading.parameter_settings import number_of

__all__ = ["read_pruner", "read_sampler"]

# Gone from Optuna: name -> today's name, and arguments that are called otherwise.
_RENAMED: dict[str, tuple[str, Mapping[str, str]]] = {
    "MOTPESampler": ("TPESampler", {"n_ehvi_candidates": "n_ei_candidates"}),
    "MOTPEMultiObjectiveSampler": ("TPESampler", {"n_ehvi_candidates": "n_ei_candidates"}),
    "NSGAIIMultiObjectiveSampler": ("NSGAIISampler", {}),
    "RandomMultiObjectiveSampler": ("RandomSampler", {}),
}
_SAMPLERS = (
    *("TPESampler", "RandomSampler", "GridSampler", "CmaEsSampler", "NSGAIISampler", "NSGAIIISampler"),
    *("QMCSampler", "GPSampler", "BruteForceSampler", "PartialFixedSampler"),
)
_PRUNERS = (
    *("MedianPruner", "NopPruner", "PercentilePruner", "HyperbandPruner", "SuccessiveHalvingPruner"),
    *("ThresholdPruner", "PatientPruner", "WilcoxonPruner"),
)
# Arguments that are samplers or pruners themselves.
_NESTED = ("base_sampler", "independent_sampler", "wrapped_pruner")
# Arguments that are functions or objects, which no YAML file can hold.
_OBJECTS = (
    *("gamma", "weights", "constraints_func", "mutation", "crossover", "source_trials"),
    *("elite_population_selection_strategy", "child_generation_strategy", "after_trial_strategy"),
)
# What an annotation of Optuna's wants, in words and as types.
_KINDS: dict[str, tuple[str, tuple[type, ...]]] = {
    "int": ("a whole number", (int,)),
    "float": ("a number", (int, float)),
    "bool": ("true or false", (bool,)),
    "str": ("a text", (str,)),
    "dict": ("a mapping of names to values", (Mapping,)),
    "None": ("null", (type(None),)),
}
# Classes that chose their own sampler in releases up to 1.2, whatever the file said.
_IGNORED_ONCE = ("QMCSampler", "GPSampler", "BruteForceSampler", "NSGAIIISampler")


def read_sampler(section: Any, directions: int, findings: Findings) -> Method | None:
    """Read the sampler; None for this package's default, which a file without one had."""
    if section is None:
        return None
    method = _method(section, "optuna.sampler", _SAMPLERS, findings)
    if method is None:
        return None
    if method.name == "CmaEsSampler" and directions > 1:
        findings.fault("optuna.sampler.type", "CmaEsSampler optimises one metric; write TPESampler or NSGAIISampler")
    if method.written in _RENAMED:
        findings.note(f"{method.written} is gone from Optuna; {method.name} stands in for it")
    if method.written in _IGNORED_ONCE:
        findings.note(f"{method.name} is used; releases up to 1.2 took Optuna's default in its place and said nothing")
    if method.arguments.get("seed") is not None:
        findings.note(
            f"seed {method.arguments['seed']}: each trial draws its own numbers from it; in the original all workers "
            "drew the same"
        )
    return method


def read_pruner(section: Any, directions: int, findings: Findings, *, has_default: bool) -> Method | None:
    """Read the pruner; None for none.

    Args:
        section: `optuna.pruner`.
        directions: How many metrics are optimised.
        findings: Gets the faults and notes.
        has_default: A file without one had Optuna's own default.
    """
    if section is None:
        if has_default and directions < 2:
            findings.note(
                "no pruner is named, and this form of file had Optuna's MedianPruner in force, as here; for none write "
                "optuna.pruner: {type: NopPruner}"
            )
            return Method("MedianPruner")
        return None
    method = _method(section, "optuna.pruner", _PRUNERS, findings)
    if method is not None and directions > 1:
        findings.note(f"{method.name} does nothing: Optuna prunes no study of several metrics")
        return None
    return method


def _method(section: Any, where: str, allowed: tuple[str, ...], findings: Findings) -> Method | None:
    names = [*allowed, *(_RENAMED if allowed is _SAMPLERS else ())]
    if not isinstance(section, Mapping):
        findings.fault(
            where, f"{shown(section)} is not allowed; write it as {where.rsplit('.', 1)[-1]}: {{type: NAME}}"
        )
        return None
    written = section.get("type")
    if not isinstance(written, str) or written not in names:
        came = f"{shown(written)} is not known or cannot be used" if "type" in section else "it is missing"
        meant = written.rpartition(".")[2] if isinstance(written, str) else ""
        findings.fault(f"{where}.type", f"{came}; write one of {', '.join(allowed)}{nearest(meant, names)}")
        return None
    name, other = _RENAMED.get(written, (written, {}))
    settings = {other.get(str(key), str(key)): value for key, value in section.items() if key != "type"}
    before = len(findings.faults)
    arguments = _arguments(name, settings, where, findings)
    if len(findings.faults) == before:
        _try_out(name, arguments, where, findings)
    return Method(name, arguments, written) if len(findings.faults) == before else None


def _class(name: str) -> Any:
    import optuna

    return getattr(optuna.samplers if name in _SAMPLERS else optuna.pruners, name)


def _arguments(name: str, settings: Mapping[str, Any], where: str, findings: Findings) -> dict[str, Any]:
    known = inspect.signature(_class(name)).parameters
    usable = [key for key in known if key not in _OBJECTS]
    arguments = {}
    for key, value in settings.items():
        if key not in known:
            findings.fault(
                f"{where}.{key}", f"{name} has no such argument; it has {', '.join(usable)}{nearest(key, usable)}"
            )
        elif key in _OBJECTS and value is not None:
            findings.fault(f"{where}.{key}", "this is a function or an object, which no YAML file can hold; remove it")
        elif key in _NESTED:
            arguments[key] = _nested(value, f"{where}.{key}", findings)
        else:
            annotation = known[key].annotation
            type_name = annotation.__name__ if isinstance(annotation, type) else str(annotation)
            arguments[key] = _converted(value, type_name, known[key].default, f"{where}.{key}", findings)
    for key, parameter in known.items():
        if parameter.default is inspect.Parameter.empty and key not in arguments and key != "base_sampler":
            example = ": {type: MedianPruner}" if key in _NESTED else ""
            findings.fault(f"{where}.{key}", f"it is missing, and {name} wants it; write {key}{example}")
    return arguments


def _nested(value: Any, where: str, findings: Findings) -> Any:
    """Read a method within a method; null stays null."""
    if value is None:
        return None
    return _method(value, where, _PRUNERS if where.endswith("pruner") else _SAMPLERS, findings)


def _converted(value: Any, annotation: str, default: Any, where: str, findings: Findings) -> Any:
    """Convert a value to the type that Optuna expects: numbers from text, whole numbers where required."""
    kinds = [kind.split("[")[0].strip() for kind in annotation.split("|")]
    number = number_of(value) if isinstance(value, str) and {"int", "float"} & set(kinds) else None
    if number is not None:
        findings.note(f"{where} is the text {value!r} in YAML 1.1; it counts as {number!r}")
        value = number
    if isinstance(value, float) and value.is_integer() and "int" in kinds and "float" not in kinds:
        value = int(value)
    if kinds[0] in ("int", "bool") and isinstance(value, (bool, int)) and value in (0, 1):
        value = bool(value) if kinds[0] == "bool" else int(value)
    wanted = [_KINDS[kind] for kind in kinds if kind in _KINDS]
    is_known = len(wanted) == len(kinds) and not (value is None and default is None)
    if is_known and not any(isinstance(value, types) for _, types in wanted):
        spellings = " or ".join(word for word, _ in wanted if word != "null")
        findings.fault(where, f"{shown(value)} is not allowed; write {spellings}")
    return value


def _try_out(name: str, arguments: Mapping[str, Any], where: str, findings: Findings) -> None:
    """Build the method once, because Optuna itself knows which values it refuses."""
    if name == "GridSampler" or any(isinstance(value, Method) for value in arguments.values()):
        return
    wanted = {"base_sampler": None} if name == "PartialFixedSampler" else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _class(name)(**wanted, **arguments)
    except ImportError:
        return  # what it needs is reported when it is to run
    except Exception as error:  # noqa: BLE001 - whatever Optuna makes of a wrong value
        findings.fault(where, f"{name} refuses this: {' '.join(str(error).split())}")
