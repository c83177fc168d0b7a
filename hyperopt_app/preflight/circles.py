# SPDX-License-Identifier: MIT
"""Find choices whose interpolation refers back to itself: directly, by way of other keys, or by a node around it.

OmegaConf follows such a circle until Python's stack is full, and what it raises then depends on where that happened. So
the references are followed here, over the config as plain data with the texts of its interpolations.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import islice, pairwise, product
from math import prod
from typing import Any

__all__ = ["Circle", "circles"]

# Choices that refer to something multiply; so many combinations of them are looked at.
_MOST_COMBINATIONS = 256
_MOST_CIRCLES = 5

# A reference to a key, innermost: of `${a.${b}}` only that to b, since the other key depends on its value. One with a
# colon is a resolver's; of OmegaConf's own some take a key.
_REFERENCE = re.compile(
    r"(?<!\\)(?:\\\\)*\$\{\s*(?:oc\.(?:select|deprecated|dict\.\w+):\s*)?([^${}:,\s]+)\s*(?:,[^${}]*)?\}"
)
_WHOLE = re.compile(r"\$\{\s*([^${}:,\s]+)\s*\}")

_Path = tuple[str, ...]


@dataclass(frozen=True)
class _Step:
    """A node to resolve: the node alone, or with everything below it."""

    path: _Path
    is_whole: bool


@dataclass(frozen=True)
class Circle:
    """An interpolation that refers to itself.

    Attributes:
        choices: The keys that take part, each with the text of its choice.
        keys: The dotted keys around the circle; the last is the first.
    """

    choices: Mapping[str, str]
    keys: tuple[str, ...]


def circles(config: Any, plain: Mapping[str, Any], referring: Mapping[str, Mapping[str, Any]]) -> Iterator[Circle]:
    """Find the circles that choices form, each once, up to a few.

    Args:
        config: A composed config as plain data, its interpolations as texts.
        plain: Searched key, without a plus, to a value of it, where none of its values refers to anything.
        referring: The others, each with those of its choices that refer to something: their text and their value.
    """
    tree = _texts(config)
    for key, value in plain.items():
        tree = _with(tree, _path(key), value)
    values = {key: list(choices) for key, choices in referring.items()}
    seen: set[str] = set()
    combinations = product(*values.values()) if prod(map(len, values.values())) else ()
    for combination in islice(combinations, _MOST_COMBINATIONS):
        chosen = dict(zip(values, combination, strict=True))
        changed = tree
        for key, text in chosen.items():
            changed = _with(changed, _path(key), _texts(referring[key][text]))
        for key, own in chosen.items():
            way = _circle(changed, _path(key))
            if way is None:
                continue
            part = {name: text for name, text in chosen.items() if any(_touches(_path(name), path) for path in way)}
            part = part or {key: own}
            if repr(sorted(part.items())) not in seen:
                seen.add(repr(sorted(part.items())))
                yield Circle(part, tuple(".".join(path) for path in way))
            if len(seen) == _MOST_CIRCLES:
                return


def _texts(node: Any) -> Any:
    """Return plain data with keys as text, as references write them."""
    if isinstance(node, dict):
        return {str(key.name if isinstance(key, Enum) else key): _texts(value) for key, value in node.items()}
    return [_texts(value) for value in node] if isinstance(node, list) else node


def _path(key: str) -> _Path:
    """Split a key into parts; `layers[0].width` and `layers.0.width` are the same key."""
    return tuple(part for part in key.replace("[", ".").replace("]", "").split(".") if part)


def _touches(key: _Path, path: _Path) -> bool:
    return path[: len(key)] == key


def _with(tree: Any, path: _Path, value: Any) -> Any:
    """Return a copy of the tree with a value at that path; mappings are merged, as OmegaConf does."""
    if not path:
        if isinstance(tree, dict) and isinstance(value, dict):
            return {**tree, **{key: _with(tree.get(key), (), inner) for key, inner in value.items()}}
        return value
    first, rest = path[0], path[1:]
    if isinstance(tree, list) and first.isdigit() and int(first) < len(tree):
        return [*tree[: int(first)], _with(tree[int(first)], rest, value), *tree[int(first) + 1 :]]
    inner = tree if isinstance(tree, dict) else {}
    return {**inner, first: _with(inner.get(first), rest, value)}


def _circle(tree: Any, start: _Path) -> tuple[_Path, ...] | None:
    """Return the paths of the first circle met when the node at `start` is resolved, back to the first."""
    begun = [_Step(start, is_whole=True)]
    ahead = [_next(tree, begun[0])]
    open_steps, done = {begun[0]}, set[_Step]()
    while begun:
        step = next(ahead[-1], None)
        if step is None:
            done.add(begun[-1])
            open_steps.discard(begun.pop())
            ahead.pop()
        elif step in open_steps:
            paths = [*(opened.path for opened in begun[begun.index(step) :]), step.path]
            return (paths[0], *(path for before, path in pairwise(paths) if path != before or len(paths) == 2))
        elif step not in done:
            begun.append(step)
            ahead.append(_next(tree, step))
            open_steps.add(step)
    return None


def _next(tree: Any, step: _Step) -> Iterator[_Step]:
    """Yield the nodes that must be resolved before this node."""
    node = tree
    for length in range(len(step.path) + 1):
        if isinstance(node, str):
            yield from _behind(node, step, length)
            return
        if length == len(step.path):
            break
        node = _child(node, step.path[length])
    if step.is_whole:
        yield from (_Step((*step.path, key), is_whole=True) for key in _keys(node))


def _behind(text: str, step: _Step, length: int) -> Iterator[_Step]:
    """Yield what a text refers to; the text is the node itself, or is in the place of a node above it."""
    above, rest = step.path[:length], step.path[length:]
    if rest:
        yield _Step(above, is_whole=False)
    whole = _WHOLE.fullmatch(text)
    if whole:
        yield _Step((*_absolute(whole[1], above), *rest), step.is_whole)
    elif not rest:
        yield from (_Step(_absolute(match[1], above), is_whole=False) for match in _REFERENCE.finditer(text))


def _absolute(key: str, holder: _Path) -> _Path:
    """Return the absolute path of a reference in a node: `.k` is beside it, `..k` beside its parent."""
    dots = len(key) - len(key.lstrip("."))
    return (*holder[: max(0, len(holder) - dots)], *_path(key)) if dots else _path(key)


def _child(node: Any, key: str) -> Any:
    if isinstance(node, dict):
        return node.get(key)
    return node[int(key)] if isinstance(node, list) and key.isdigit() and int(key) < len(node) else None


def _keys(node: Any) -> Sequence[str]:
    if isinstance(node, dict):
        return list(node)
    return [str(index) for index in range(len(node))] if isinstance(node, list) else []
