# SPDX-License-Identifier: MIT
"""Translate the `pbs` block into fields of `hydra/launcher=pbs_workers`."""

import re
from collections.abc import Mapping
from typing import Any

from hyperopt_app.legacy.batch.shares import as_words, is_left_out, job_name, read_jobs, setup_lines, shares_of
from hyperopt_app.legacy.batch.times import pbs_seconds, walltime_text
from hyperopt_app.legacy.reading.findings import Findings, shown
from hyperopt_app.legacy.reading.pair import Launcher

__all__ = ["read_pbs"]

_FIELDS = {"N": "name", "A": "account", "q": "queue", "P": "project"}
# Long names that qsub does not know and people wrote all the same.
_LONG = {"account": "A", "queue": "q", "name": "N", "job_name": "N", "project": "P", "walltime": "l", "select": "l"}
_OWN = {
    # Nearly every file has these; the documentation says where the output of each worker is.
    "o": "",
    "e": "",
    "j": "",
    "k": "",
    "r": "a job that is run again goes on with the study",
    "J": "write jobs:",
    "t": "write jobs:",
}


def read_pbs(block: Any, findings: Findings) -> Launcher:
    """Read how a block `pbs` starts the workers."""
    batch, jobs = read_jobs("pbs", block, findings)
    options = _short_names(batch, findings)
    settings: dict[str, Any] = {"detach": True}
    directives: list[str] = []
    items = [item for value in options.pop("l", []) for item in _items(value)]
    gpus = _resources(items, settings, directives, findings)
    if batch and "walltime" not in settings:
        hint = "; t is Slurm's" if "t" in batch else ""
        findings.fault("pbs.batch.l", f'it has no walltime; write l: [..., "walltime=12:00:00"]{hint}')
    shares = shares_of("pbs", block if isinstance(block, Mapping) else {}, gpus, findings)
    for key, values in options.items():
        if key not in _OWN:
            _option(key, values[-1], settings, directives, findings)
    _note_own(list(options), findings)
    settings |= shares.settings
    settings |= {"directives": directives} if directives else {}
    lines = setup_lines("pbs", block if isinstance(block, Mapping) else {}, findings)
    settings |= {"setup": lines} if lines else {}
    return Launcher("pbs_workers", settings, jobs * shares.workers, "pbs")


def _short_names(batch: Mapping[Any, Any], findings: Findings) -> dict[str, list[Any]]:
    """Map the options to their single letters, each with all its values."""
    options: dict[str, list[Any]] = {}
    for key, value in batch.items():
        name = str(key).lstrip("-")
        letter = name if len(name) == 1 else _LONG.get(name, "")
        if letter == "l" and name != "l":
            options.setdefault("l", []).append(f"{name}={getattr(value, 'text', value)}")
        elif len(letter) == 1 and letter.isalpha():
            if letter in options and letter != name:
                findings.note(f"pbs.batch.{key} is not an option of qsub; {letter}: {options[letter][-1]} counts")
                continue
            if letter != name:
                findings.note(f"pbs.batch.{key} is not an option of qsub; it is taken for -{letter}")
            options[letter] = [*options.get("l", []), value] if letter == "l" else [value]
        else:
            findings.note(f"pbs.batch.{key} is not an option of qsub, which knows single letters, and is left out")
    return options


def _items(value: Any) -> list[str]:
    """Return the resources of a value of `-l`: a list, or a text with commas or with `-l` in it."""
    texts = value if isinstance(value, list) else [value]
    pairs = [text if isinstance(text, Mapping) else {"": text} for text in texts if text is not None]
    lines = [f"{key}{'=' if key else ''}{getattr(text, 'text', text)}" for pair in pairs for key, text in pair.items()]
    words = [word for line in lines for word in re.split(r",(?=\s*\w+=)|\s+-l\s+", line)]
    return [
        re.sub(r"\s*=\s*", "=", word.strip().removeprefix("-l ").strip(), count=1) for word in words if word.strip()
    ]


def _resources(items: list[str], settings: dict[str, Any], directives: list[str], findings: Findings) -> int:
    """Set the fields of a job's resources and return the number of its GPUs."""
    for item in items:
        key, _, value = item.partition("=")
        key = key.lower()
        if key == "walltime":
            seconds = pbs_seconds(value)
            if not seconds:
                findings.fault("pbs.batch.l", f'{shown(item)} is not a time limit; write "walltime=HH:MM:SS"')
            # Said anew above only if it is missing altogether.
            settings["walltime"] = walltime_text(seconds or 60)
        elif key in ("select", "nodes"):
            settings[key] = _one_chunk(key, value, findings)
        elif key in ("ncpus", "ngpus") and value.isdigit():
            settings[key] = int(value)
        elif key == "mem":
            settings["mem"] = value
        else:
            directives.append(f"-l {item}")
    if "select" in settings and "nodes" in settings:
        findings.note("pbs.batch.l has select and nodes; select counts")
        del settings["nodes"]
    _without_rivals(settings, directives)
    text = f"{settings.get('select', '')}:{settings.get('nodes', '')}"
    match = re.search(r"(?:^|:)n?gpus=(\d+)", text)
    return int(match[1]) if match else int(settings.get("ngpus", 0))


def _without_rivals(settings: dict[str, Any], directives: list[str]) -> None:
    """Turn resource fields into directives, because the launcher accepts none beside select or nodes."""
    if "select" in settings or "nodes" in settings:
        rivals = [key for key in ("ncpus", "ngpus", "mem") if key in settings]
        directives += [f"-l {key}={settings.pop(key)}" for key in rivals]


def _one_chunk(key: str, value: str, findings: Findings) -> str:
    """Return the first node's part; the original only started processes there."""
    chunk = value.split("+", 1)[0].strip()
    count, colon, rest = chunk.partition(":")
    if "+" in value or (count.isdigit() and int(count) > 1):
        findings.note(f"pbs.batch.l: {key}={value} asks for several nodes, of which only the first was ever used")
        return f"1{colon}{rest}" if count.isdigit() else chunk
    return chunk


def _note_own(keys: list[str], findings: Findings) -> None:
    for reason in dict.fromkeys(_OWN[key] for key in keys if _OWN.get(key)):
        same = [key for key in keys if _OWN.get(key) == reason]
        findings.note(f"pbs.batch.{', '.join(same)}: not needed, {reason}")


def _option(key: str, value: Any, settings: dict[str, Any], directives: list[str], findings: Findings) -> None:
    if key in _FIELDS and is_left_out("pbs", key, value, findings):
        return
    words = as_words("pbs", key, value, findings)
    if words is None:
        directives += [] if value is False else [f"-{key}"]
    elif key in _FIELDS:
        settings[_FIELDS[key]] = job_name("pbs", key, words, findings) if key == "N" else words
    else:
        directives.append(f"-{key} {words}".strip())
