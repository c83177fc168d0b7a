# SPDX-License-Identifier: MIT
"""Write a translated pair as a Hydra config directory, with comments that name the source of each entry."""

import shlex
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hyperopt_app.legacy.reading.pair import Pair
from hyperopt_app.legacy.translating.translation import Translation
from hyperopt_app.support.files import replacing
from hyperopt_app.support.plain_yaml import reads_as_number

__all__ = ["config_text", "write_config"]

_LINE_ENDS_OF_YAML = "\n\r\x85\u2028\u2029"
_PROGRAM = "hyperopt-app"
_WIDTH = 2**30
_COMMENT_WIDTH = 116
_LIST_WIDTH = 80

_ROOT = {
    "defaults": "Config groups; `hyperopt-app --hydra-help` tells what there is.",
    "placed": "Values of searched keys that an override cannot name; the objective finds them in their own places.",
    "objective": "The objective's file is called as it always was; the dialect (A0 of 2020 to B4) decides its details.",
    "optuna": 'What the objective sees as conf["optuna"]; it does not steer the search.',
}
_HYDRA = {
    "sweep": "Everything of this study lies below save_path.",
    "run": "Where a single training without a search goes.",
    "job_logging": "`log`: one file for all trials, beside the log that each has in its own directory.",
}
_SWEEPER = {
    "storage": "optuna.storage and storage_type.",
    "metric": "optuna.metric and direction.",
    "n_trials": "Of the whole study, exactly.",
    "n_jobs": "Workers, of all jobs together.",
    "seed": "optuna.sampler.seed; each trial draws its own numbers from it.",
    "sampler": "optuna.sampler: its arguments; the name stands under defaults.",
    "pruner": "optuna.pruner: its arguments; the name stands under defaults.",
    "params": "optuna.parameters that are set in the model config; + adds a key, without it a misspelt one is refused.",
    "names": "settings.name: what a key is called in the study where that differs. Equal names share one value.",
    "plain_choices": "A new study holds '10.0', null and lists as they are, as the original's did; one that is there "
    "keeps its own form.",
    "enqueue": "Points that are tried first.",
    "enqueue_unchecked": "Among them is what only the objective suggests, or what is out of range.",
}


class _Dumper(yaml.SafeDumper):
    """YAML dumper with one line for each plain value, and for each short list of plain values."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def text(self, value: str) -> yaml.ScalarNode:
        style = None
        if any(character in value for character in _LINE_ENDS_OF_YAML):
            style = '"'  # everything else would be folded into several lines
        elif reads_as_number(value):
            style = "'"  # OmegaConf takes more text for numbers than YAML 1.1 does (1e-3)
        return self.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    def list(self, value: Any) -> yaml.SequenceNode:
        is_nested = any(isinstance(item, (list, tuple, Mapping)) for item in value)
        is_flat = not is_nested and sum(len(str(item)) + 2 for item in value) <= _LIST_WIDTH
        return self.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=is_flat)


_Dumper.add_representer(str, _Dumper.text)
_Dumper.add_representer(list, _Dumper.list)
_Dumper.add_representer(tuple, _Dumper.list)


def _yaml(content: Mapping[Any, Any]) -> str:
    return yaml.dump(
        dict(content), Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=_WIDTH
    )


def config_text(translation: Translation, pair: Pair, directory: Path) -> str:
    """Format config.yaml; it reads back to exactly `translation.config`."""
    return _commented(translation.config, _head(translation, pair, directory), _launcher_comment(pair, 0), pair)


def _commented(config: Mapping[Any, Any], head: str, launcher: str, pair: Pair) -> str:
    comments = _ROOT | {"hydra": "The search."}
    model = [key for key in config if key not in comments]
    if model:
        source = pair.model_path or pair.hyper_path
        comments[model[0]] = (
            f"The model config, {source}. Each of its values can be set on the command line: key.key=value"
        )
    parts = [head]
    for key, value in config.items():
        comment = _comment(comments[key]) if key in comments else ""
        gap = "\n" if key in comments else ""
        body = _hydra(value, launcher) if key == "hydra" else _yaml({key: value})
        parts.append(f"{gap}{comment}{body}")
    return "".join(parts)


def _hydra(hydra: Mapping[str, Any], launcher: str) -> str:
    comments = _HYDRA | {"launcher": launcher}
    sweeper = "".join(_inner(key, value, _SWEEPER, "    ") for key, value in hydra["sweeper"].items())
    return "hydra:\n" + "".join(
        f"  sweeper:\n{sweeper}" if key == "sweeper" else _inner(key, value, comments, "  ")
        for key, value in hydra.items()
    )


def _inner(key: str, value: Any, comments: Mapping[str, str], indent: str) -> str:
    comment = _comment(comments[key]) if key in comments else ""
    return textwrap.indent(comment + _yaml({key: value}), indent)


def _comment(text: str) -> str:
    """Format a text as comment lines; nothing in it can end them."""
    clean = "".join(character if character.isprintable() else " " for character in text)
    lines = textwrap.wrap(clean, _COMMENT_WIDTH, break_long_words=False, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in lines)


def _head(translation: Translation, pair: Pair, directory: Path) -> str:
    command = f"{_PROGRAM} --config-path {shlex.quote(str(directory.absolute()))} --config-name config"
    sources = " and ".join(str(path) for path in (pair.hyper_path, pair.model_path) if path is not None)
    lines = [
        _comment(f"Made from {sources}."),
        "#\n",
        f"# Search:             {command} --multirun\n",
        f"# Only look:          {command} --multirun hydra.sweeper.dry_run=true\n",
        f"# Train once:         {command}{_own(pair)}\n",
    ]
    if pair.launchers:
        files = shlex.join(str(path) for path in (pair.hyper_path, pair.model_path) if path is not None)
        lines.append(f"# Here, not in jobs:  {_PROGRAM} legacy optimize {files} --here\n")
    others = translation.launchers[1:]
    lines += [f"# By {other} too:  {command.removesuffix('config')}config_{other} --multirun\n" for other in others]
    for name in translation.environment:
        lines += ["#\n", _comment(f"The storage's password is not written here: export {name}=... before.")]
    if pair.notes:
        lines += ["#\n", "# To know:\n", *(_note(note) for note in pair.notes)]
    return "".join(lines)


def _own(pair: Pair) -> str:
    """Return the override that gives a single training what only the objective suggests."""
    names = [parameter.name for parameter in pair.parameters if parameter.place == "objective"]
    values = ", ".join(f"{name}: ..." for name in names)
    return f" '+objective.params={{{values}}}'" if names else ""


def _note(text: str) -> str:
    lines = _comment(text).splitlines(keepends=True)
    return "".join(f"# {'  ' if number else '- '}{line[2:]}" for number, line in enumerate(lines))


def _launcher_comment(pair: Pair, number: int) -> str:
    launcher = pair.launchers[number] if pair.launchers else None
    if launcher is None or not launcher.source:
        return "How workers are started."
    return f"The block `{launcher.source}`."


def write_config(translation: Translation, pair: Pair, directory: Path) -> Path:
    """Write the directory atomically, file by file; returns the path of config.yaml."""
    path = directory / "config.yaml"
    _write_file(path, config_text(translation, pair, directory))
    for name, content in translation.files.items():
        launcher = name.removeprefix("config_").removesuffix(".yaml")
        if launcher in translation.launchers:
            number = translation.launchers.index(launcher)
            head = _comment(
                f"As config.yaml, by {launcher}: {_PROGRAM} --config-path DIR --config-name config_{launcher}"
            )
            _write_file(directory / name, _commented(content, head, _launcher_comment(pair, number), pair))
        else:
            _write_file(directory / name, _yaml(content))
    return path


def _write_file(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, 0o644) as aside:
        aside.write_text(text, encoding="utf-8")
