# SPDX-License-Identifier: MIT
"""Loading a YAML file of the original: YAML 1.1, safely."""

from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hyperopt_app.legacy.reading.findings import Findings
from hyperopt_app.legacy.reading.loading import SixtiesInt, as_written, load, odd_values, plain, without_tuples
from tests.unit.legacy._pairs import write


def _load(folder: Path, text: str) -> tuple[dict[Any, Any], Findings]:
    findings = Findings("a.yml")
    return load(write(folder, "a.yml", text), findings), findings


def test_yaml_1_1_is_kept(tmp_path: Path) -> None:
    """What users' code has always been given: texts, numbers and booleans as PyYAML's FullLoader makes them."""
    text = "{a: 1e-6, b: 1.0e-6, c: on, d: None, e: ~, f: 12:00:00, g: 010, h: 2020-01-02, i: [x, no]}"
    content, findings = _load(tmp_path, text)
    expected = {"a": "1e-6", "b": 1e-6, "c": True, "d": "None", "e": None, "f": 43200, "g": 8}
    assert content == {**expected, "h": date(2020, 1, 2), "i": ["x", False]}
    assert not findings.faults
    assert not findings.notes


def test_a_number_to_the_base_of_sixty_keeps_its_text(tmp_path: Path) -> None:
    """A bare 12:00:00 can still be told from 43200; in a plain copy it cannot."""
    content, _ = _load(tmp_path, "{t: 12:00:00, deep: [{u: 1:30}]}")
    time = content["t"]
    assert isinstance(time, SixtiesInt)
    assert time.text == "12:00:00"
    assert type(plain(content)["t"]) is int
    assert type(plain(content)["deep"][0]["u"]) is int


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: !!python/object/apply:os.system [id]", "!!python/object/apply:os.system"),
        ("a: !!python/complex 1j", "!!python/complex"),
        ("a: !Mine {}", "!Mine"),
        ("- 1\n- 2", "a list"),
        ("", "nothing"),
        ("a: [1", "not valid YAML"),
        ("a: 1\n\tb: 2", "blanks where a tab stands"),
        ("a: 1\n---\nb: 2", "not valid YAML"),
        ("a: &x [*x]", "holds itself"),
        ("a: " + "[" * 3000 + "]" * 3000, "nested too deeply"),
        (
            "a: &a [x,x]\n"
            + "\n".join(f"{k}: &{k} [{'*' + j},{'*' + j}]" for j, k in pairwise("abcdefghijklmnopqrstu")),
            "values",
        ),
        ("a: 'x\0y'", "control character #x00 at position 5"),
        ("{[1]: 2}", "not valid YAML"),
    ],
)
def test_what_is_no_plain_mapping_is_one_fault(tmp_path: Path, text: str, told: str) -> None:
    """Nothing in a file is run, and the line tells what came."""
    content, findings = _load(tmp_path, text)
    assert content == {}
    assert len(findings.faults) == 1
    assert findings.faults[0].startswith("a.yml: ")
    assert told in findings.faults[0]


def test_a_missing_file_and_a_directory_are_faults(tmp_path: Path) -> None:
    """And no traceback."""
    findings = Findings("here")
    assert load(tmp_path / "no.yml", findings) == {}
    assert load(tmp_path, findings) == {}
    assert ["file not found" in findings.faults[0], "cannot be read" in findings.faults[1]] == [True, True]


def test_a_file_that_is_no_utf_8_is_a_fault(tmp_path: Path) -> None:
    """Latin-1, for one."""
    (tmp_path / "a.yml").write_bytes(b"a: \xe9")
    findings = Findings("a.yml")
    assert load(tmp_path / "a.yml", findings) == {}
    assert "UTF-8" in findings.faults[0]


def test_a_key_that_stands_twice_is_noted_and_the_last_counts(tmp_path: Path) -> None:
    """As it always did, but aloud; merged keys are no such case."""
    content, findings = _load(tmp_path, "base: &b {x: 1, y: 2}\na:\n  lr: 1\n  lr: 2\nc: {<<: *b, x: 3}\n")
    assert content["a"] == {"lr": 2}
    assert content["c"] == {"x": 3, "y": 2}
    assert findings.notes == ["a.yml: 'lr' stands in lines 3 and 4 of one section; the last counts"]


def test_what_no_config_can_hold_is_told_with_its_path(tmp_path: Path) -> None:
    """Sets, bytes and keys that are null."""
    content, _ = _load(
        tmp_path, "a: {~: 1}\nb: [!!set {x, y}]\nc: !!binary aGk=\nd: {1: [x], 2.5: ~, true: 2020-01-01}"
    )
    assert [path for path, _ in odd_values(content)] == ["a:None", "b:0", "c"]


def test_pythons_own_types_are_what_they_were(tmp_path: Path) -> None:
    """A file that Python itself dumped has such tags; FullLoader read them."""
    text = """
    a: !!python/tuple [1, !!python/tuple [x]]
    b: !!python/unicode 'é'
    c: {d: !!python/none , e: !!python/long 5, f: !!python/bool yes, g: !!python/float 1.5}
    h: !!python/dict {i: !!python/list [!!python/str '1', !!python/int '2']}
    """
    content, findings = _load(tmp_path, text)
    assert content == {
        "a": (1, ("x",)),
        "b": "é",
        "c": {"d": None, "e": 5, "f": True, "g": 1.5},
        "h": {"i": ["1", 2]},
    }
    assert plain(content) == content
    assert without_tuples(content)["a"] == [1, ["x"]]
    assert not findings.faults
    assert not list(odd_values(content))


def test_times_can_be_written_again(tmp_path: Path) -> None:
    """In a copy of the file 12:00:00 must not become 43200, which sbatch reads as minutes."""
    content, _ = _load(tmp_path, "{batch: {t: 12:00:00, n: 8, l: [1:30]}}")
    assert as_written(content) == {"batch": {"t": "12:00:00", "n": 8, "l": ["1:30"]}}


def test_what_omegaconf_cannot_hold_is_told_beforehand() -> None:
    """Keys that differ by their quotes alone, and what is nested more deeply than its recursion goes."""
    assert "stand side by side" in dict(odd_values({"d": {1: "a", "1": "b"}}))["d:1"]
    assert not list(odd_values({"d": {True: "a", "True": "b", 2: "c"}}))
    tree: Any = {}
    for _ in range(59):
        tree = {"k": tree}
    assert not list(odd_values(tree))
    assert [text for _, text in odd_values({"k": tree})] == ["it is nested too deeply; 60 levels are allowed"]
