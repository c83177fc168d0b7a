# SPDX-License-Identifier: MIT
"""Lines of JSON as programs of all languages write them, read while they are written."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperopt_app.errors import MetricError
from hyperopt_app.programs.metrics_file import Line, MetricsFile, parsed

PLACE = Path("metrics.jsonl")
TORN = ["3", "[1]", "loss=0.3", '{"loss": 0.3', '{"loss": }', "nan", '"text"', "{" * 2000]


def test_a_line_has_values_a_step_and_perhaps_a_checkpoint() -> None:
    """The step is no metric; what is not a number is kept, so that it can be named in an error."""
    line = parsed('{"step": 4.0, "loss": 0.3, "note": "a", "checkpointed": true}', 7, PLACE)
    assert line == Line(7, {"loss": 0.3, "note": "a"}, 4, is_checkpoint=True)
    assert parsed('{"loss": 1}', 1, PLACE) == Line(1, {"loss": 1})


@pytest.mark.parametrize("text", TORN)
def test_what_is_not_an_object_is_not_a_line(text: str) -> None:
    """Half a line, a number alone, other output."""
    assert parsed(text, 1, PLACE) is None


@pytest.mark.parametrize("word", ["nan", "-nan", "NaN", "nan(0x8000)", "NAN"])
def test_nan_as_c_writes_it_is_nan(word: str) -> None:
    """printf knows no JSON, and a diverged training is no torn line."""
    line = parsed(f'{{"loss": {word}, "step": 2}}', 1, PLACE)
    assert line is not None
    assert math.isnan(line.values["loss"])


def test_infinity_as_c_writes_it_is_infinity() -> None:
    """With its sign; words in texts stay as they are."""
    line = parsed('{"a": inf, "b":-inf,"c": Infinity, "d": "x, nan, y", "e": "inf"}', 1, PLACE)
    assert line is not None
    assert list(line.values.values())[:3] == [math.inf, -math.inf, math.inf]
    assert line.values["e"] == "inf"


@pytest.mark.parametrize("step", ['"4"', "-1", "1.5", "true", "NaN", "Infinity", "[1]"])
def test_a_step_that_is_none_is_an_error(step: str) -> None:
    """It says in which line of which file, and what may stand there."""
    with pytest.raises(MetricError, match=r"metrics\.jsonl, line 3: step is .*; write a whole number from 0"):
        parsed(f'{{"loss": 1, "step": {step}}}', 3, PLACE)


def _values(lines: Any) -> list[Any]:
    return [line.values["v"] for line in lines]


def test_lines_are_read_as_they_come(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """No file yet; half a line waits for its other half; the last one is read when nothing more can come."""
    metrics = MetricsFile(tmp_path / "deep" / "m.jsonl")
    metrics.prepare(goes_on=False)
    assert _values(metrics.new_lines()) == []
    with metrics.place.open("w") as file:
        file.write('{"v": 1}\n{"v"')
        file.flush()
        assert _values(metrics.new_lines()) == [1]
        file.write(': 2}\n\n{"v": 3}')
        file.flush()
        assert _values(metrics.new_lines()) == [2]
        assert _values(metrics.new_lines()) == []
        assert _values(metrics.new_lines(is_over=True)) == [3]
    assert not caplog.messages


def test_what_is_not_json_is_skipped_with_few_warnings(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With file, line and text; a program that prints all its output there does not fill the log."""
    metrics = MetricsFile(tmp_path / "m.jsonl")
    metrics.place.write_text('{"v": 1}\nepoch 1\n' + "more\n" * 50 + '{"v": 2}\n{"v": ')
    assert _values(metrics.new_lines(is_over=True)) == [1, 2]
    assert (metrics.lines, metrics.unusable) == (54, 52)
    assert len(caplog.messages) == 3
    assert f"{metrics.place}, line 2 is not an object of JSON and is skipped: epoch 1" in caplog.messages[0]


def test_a_file_that_is_written_anew_is_read_anew(tmp_path: Path) -> None:
    """Also where it has become longer meanwhile."""
    metrics = MetricsFile(tmp_path / "m.jsonl")
    metrics.place.write_text('{"v": 1}\n')
    assert _values(metrics.new_lines()) == [1]
    metrics.place.write_text('{"v": 5}\n{"v": 6}\n')
    assert _values(metrics.new_lines()) == [5, 6]
    metrics.place.write_text('{"v": 7}\n')
    assert _values(metrics.new_lines()) == [7]


def test_a_program_that_goes_on_keeps_its_lines(tmp_path: Path) -> None:
    """But for half a line, which would spoil the next one; a program that begins anew begins a new file."""
    metrics = MetricsFile(tmp_path / "m.jsonl")
    metrics.place.write_text('{"v": 1}\n{"v": 2')
    metrics.prepare(goes_on=True)
    assert metrics.place.read_text() == '{"v": 1}\n'
    metrics.prepare(goes_on=False)
    assert not metrics.place.exists()
    assert (tmp_path / "m.jsonl.earlier").read_text() == '{"v": 1}\n'


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    """The error names the key and the path."""
    (tmp_path / "m.jsonl").mkdir()
    with pytest.raises(MetricError, match=r"objective\.metrics: .*m\.jsonl cannot be used"):
        list(MetricsFile(tmp_path / "m.jsonl").new_lines())


@settings(max_examples=25)
@given(st.lists(st.integers(), max_size=6), st.data())
def test_however_a_file_grows_each_line_is_read_once(values: list[int], data: st.DataObject) -> None:
    """A law: wherever the program's writes are cut."""
    text = "".join(json.dumps({"v": value, "pad": "ä" * 5}) + "\n" for value in values).encode()
    place = Path("law.jsonl")
    place.unlink(missing_ok=True)
    metrics, seen, at = MetricsFile(place), list[Any](), 0
    while at < len(text):
        more = data.draw(st.integers(1, len(text) - at))
        with place.open("ab") as file:
            file.write(text[at : at + more])
        at += more
        seen += _values(metrics.new_lines())
    assert seen == values
    assert metrics.unusable == 0
