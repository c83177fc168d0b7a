# SPDX-License-Identifier: MIT
"""Read `optuna.parameters`: kinds, settings, and which key of the model config each entry sets."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hyperopt_app.legacy.reading.findings import Findings, shown
from hyperopt_app.legacy.reading.pair import Parameter
from hyperopt_app.legacy.reading.parameter_settings import is_integer, kind_of, settings_of

__all__ = ["paths_of", "read_parameters", "tied_names"]

_SECTION = "optuna.parameters"


def read_parameters(section: Any, findings: Findings, tree: Mapping[Any, Any] | None, dialect: str) -> list[Parameter]:
    """Read the parameters of a file, in order.

    Args:
        section: `optuna.parameters`.
        findings: Gets the faults and notes.
        tree: What the paths lead into, the model config and `optuna`; None if it is not known.
        dialect: See `dialect.dialect_of`.
    """
    if not isinstance(section, Mapping):
        came = "it is missing" if section is None else f"{shown(section)} is not allowed"
        findings.fault(_SECTION, f"{came}; write a mapping of keys to {{type: ..., settings: ...}}")
        return []
    parameters = []
    for key, entry in section.items():
        where = f"{_SECTION}.{key}"
        if not isinstance(key, str):
            findings.fault(where, f"the key is {shown(key)} and no text; put it in quotes")
            continue
        kind = kind_of(entry, where, findings)
        settings = kind and settings_of(kind, entry, where, findings)
        place = _part_of_pair(tuple(key.split(":")), tree, dialect, where, findings)
        if kind and settings and place:
            parameters.append(
                Parameter(tuple(key.split(":")), settings["name"], kind, settings, place, is_integer(kind, settings))
            )
    if tree is not None:
        _note_places(parameters, tree, dialect, findings)
    _note_cast(parameters, findings)
    return parameters


def _part_of_pair(
    path: tuple[str, ...], tree: Mapping[Any, Any] | None, dialect: str, where: str, findings: Findings
) -> str | None:
    """Return `model`, `new` or `objective`; None after an error."""
    if any(not part.strip() for part in path):
        findings.fault(where, "a part between the colons is empty; write key:key, without blanks or a colon at the end")
        return None
    if len(path) == 1:
        # Until 2021-01-26 a plain key was the objective's own affair.
        is_applied = tree is None or (path[0] in tree and path[0] != "optuna" and dialect not in ("A0", "A1"))
        return "model" if is_applied else "objective"
    node: Any = tree
    for depth, part in enumerate(path[:-1]):
        if node is None and tree is None:
            return "model"
        if not isinstance(node, Mapping) or part not in node:
            findings.fault(where, _broken(path, depth, node, tree or {}))
            return None
        node = node[part]
    if isinstance(node, Mapping):
        return "model" if path[-1] in node else "new"
    findings.fault(where, _broken(path, len(path) - 1, node, tree or {}))
    return None


def _broken(path: tuple[str, ...], depth: int, node: Any, tree: Mapping[Any, Any]) -> str:
    before, part = ":".join(path[:depth]), path[depth]
    near = _near(path, tree)
    if isinstance(node, Mapping):
        holder = f"{before} in the model config" if before else "the model config"
        if any(str(key) == part for key in node):
            return f"{holder} has the key {part} as a number, which a path cannot name; put it in quotes there"
        return f"{holder} has no {part}{near}"
    kind = "a list" if isinstance(node, (list, tuple)) else "empty" if node is None else f"the value {shown(node)}"
    return f"{before} in the model config is {kind}, so {part} cannot be set in it{near}"


def _near(path: tuple[str, ...], tree: Mapping[Any, Any]) -> str:
    """Suggest an existing path: beside the given one, with the same last part, or with similar spelling."""
    whole, last = ":".join(path), path[-1]
    known = [key for key in paths_of(tree) if not key.startswith("optuna:") and not f"{whole}:".startswith(f"{key}:")]
    parent = whole.removesuffix(last)
    beside = [key.removeprefix(parent) for key in known if key.startswith(parent) and ":" not in key[len(parent) :]]
    alike = difflib.get_close_matches(last, beside, 1, 0.6) or [name for name in beside if name in last or last in name]
    if alike:
        return f" (did you mean {parent}{alike[0]}?)"
    same_end = [key for key in known if key.rsplit(":", 1)[-1] == last]
    matches = difflib.get_close_matches(whole, same_end, 1, 0.0) or difflib.get_close_matches(whole, known, 1, 0.75)
    return f" (did you mean {matches[0]}?)" if matches else ""


def paths_of(tree: Mapping[Any, Any], prefix: str = "") -> Iterator[str]:
    """Return all paths of a config, with colons."""
    for key, value in tree.items():
        if isinstance(key, str):
            yield f"{prefix}{key}"
            if isinstance(value, Mapping):
                yield from paths_of(value, f"{prefix}{key}:")


def _note_places(parameters: Sequence[Parameter], tree: Mapping[Any, Any], dialect: str, findings: Findings) -> None:
    for parameter in parameters:
        if parameter.place == "new":
            near = _near(parameter.path, tree) or "; see that the objective reads it"
            findings.note(f"{parameter.key} is not in the model config and is made there{near}")
    left = [parameter.key for parameter in parameters if parameter.place == "objective"]
    known = set(paths_of(tree))
    for key in left:
        dotted = key.replace(".", ":")
        if dotted in known and dotted != key:
            findings.note(f"{key}: dots divide nothing, so it is left to the objective; to have it set write {dotted}")
        elif key in tree and key != "optuna" and dialect in ("A0", "A1"):
            findings.note(
                f"{key} is in the model config, but releases with optuna.name left keys without a colon to the "
                "objective, and so it is here; to have it set, write optuna.study_name and optuna.storage"
            )
    absent = [key for key in left if key.replace(".", ":") not in known]
    if absent:
        findings.note(
            f"left to the objective, which must suggest them itself, since the model config has no such keys: "
            f"{', '.join(absent)}"
        )


def _note_cast(parameters: Sequence[Parameter], findings: Findings) -> None:
    cut = [entry.key for entry in parameters if entry.declared == "discrete_uniform" and not entry.is_integer]
    if cut:
        findings.note(
            f"discrete_uniform with fractions: {', '.join(cut)} get the suggested value itself, which releases up to "
            "1.2 cut down to a whole number while the tables showed the fraction"
        )


def tied_names(parameters: Sequence[Parameter], findings: Findings) -> None:
    """Find parameters that share one name, and so one value; refuse those that cannot."""
    groups: dict[str, list[Parameter]] = {}
    for parameter in parameters:
        groups.setdefault(parameter.name, []).append(parameter)
    for name, tied in groups.items():
        if len(tied) < 2:
            continue
        keys = [entry.key for entry in tied]
        odd = [entry for entry in tied[1:] if _column(entry) != _column(tied[0])]
        if odd and "objective" in (odd[0].place, tied[0].place):
            findings.note(
                f"{', '.join(keys)} have the one name {name!r} and differ: the objective may suggest only one"
            )
            continue
        if odd:
            findings.fault(
                f"{_SECTION}.{odd[0].key}.settings.name",
                f"{name!r} is the name of {tied[0].key} too, and one value cannot be {_described(tied[0])} and "
                f"{_described(odd[0])}; give it another name",
            )
            continue
        findings.note(f"{', '.join(keys)} have the one name {name!r} and always get the same value, that of {keys[0]}")


def _column(parameter: Parameter) -> tuple[Any, ...]:
    """What must be equal for two parameters to be one column of the study."""
    settings, kind = parameter.settings, parameter.declared
    if kind == "categorical":
        return ("categorical", repr(settings["choices"]))
    return ("int" if kind == "int" else "float", kind == "loguniform" or bool(settings.get("log")))


def _described(parameter: Parameter) -> str:
    if parameter.declared == "categorical":
        return f"one of {shown(parameter.settings['choices'])}"
    log = " (log)" if parameter.settings.get("log") else ""
    return f"{parameter.declared}{log}"
