# SPDX-License-Identifier: MIT
"""Whatever happens to the bytes of a journal: the study is read as it was, or refused with a line that differs."""

import re
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import optuna
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState

from hyperopt_app.budget.ticket_issue import issue
from hyperopt_app.errors import StorageError
from hyperopt_app.storage.journal_copy import salvage, write_copy
from hyperopt_app.storage.opening import open_storage


@cache
def whole() -> bytes:
    """A journal of six trials with floats, integers, choices, attributes and curves, all of them ended."""
    with tempfile.TemporaryDirectory() as folder:
        storage = open_storage(None, Path(folder))
        study = optuna.create_study(storage=storage, study_name="s", sampler=optuna.samplers.RandomSampler(seed=1))
        study.set_user_attr("n_trials", 6)
        issue(study, 6, [{"x": 1.5}])
        for number in range(6):
            trial = study.ask()
            trial.set_user_attr("directory", f"/studies/s/trials/{number}")
            value = trial.suggest_float("x", -5, 5) * trial.suggest_int("k", 1, 10)
            trial.suggest_categorical("c", ["adam", None, 3])
            trial.report(value, 1)
            is_pruned = number % 3 == 0
            study.tell(trial, None if is_pruned else value, TrialState.PRUNED if is_pruned else None)
        return (Path(folder) / "journal.log").read_bytes()


def read(content: bytes) -> Any:
    """All that a journal with this content holds."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "journal.log").write_bytes(content)
        storage = open_storage(None, Path(folder))
        studies = storage.get_all_studies()
        return [(one, storage.get_all_trials(one._study_id)) for one in studies]


def read_or_refused(content: bytes) -> tuple[Any, str]:
    """What a journal with this content holds, or why it is refused."""
    try:
        return read(content), ""
    except StorageError as error:
        return None, str(error)


def line_at(place: int) -> int:
    return whole()[:place].count(b"\n") + 1


@settings(max_examples=150)
@given(st.data())
def test_a_flipped_bit_is_seen(data: st.DataObject) -> None:
    """Any one bit: the same study, or that very line is refused and a copy holds every trial; the tail may be lost."""
    content = bytearray(whole())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    found, refusal = read_or_refused(bytes(content))
    if refusal:
        assert f"line {line_at(place)}: " in refusal
        assert read(_copied(bytes(content))) == read(whole())
        return
    assert found == read(whole()) or (place == len(content) - 1 and found == read(_without_the_last_line()))


@settings(max_examples=100)
@given(st.data())
def test_a_hole_is_seen(data: st.DataObject) -> None:
    """Bytes that are gone, zeroed or overwritten: the same study, or the line is refused in which the hole begins."""
    content = whole()
    first = data.draw(st.integers(1, len(content) - 2))
    most = min(len(content) - 1, first + 600)
    # Many holes end in a checksum, without which a line could pass for one of plain Optuna.
    ends = [end - back for end in _line_ends() for back in range(1, 25) if first < end - back <= most]
    lasts = st.integers(first + 1, most)
    last = data.draw(lasts | st.sampled_from(ends) if ends else lasts)
    filling = data.draw(st.sampled_from([b"", b"\0" * (last - first), b"x" * (last - first)]))
    damaged = content[:first] + filling + content[last:]
    if _leaves_no_trace(damaged, line_at(first)):
        return
    found, refusal = read_or_refused(damaged)
    if refusal:
        named = re.search(r"line (\d+): ", refusal)
        assert named is not None
        assert int(named[1]) == line_at(first)
        return
    assert found == read(content)


def test_a_line_that_has_lost_its_checksum_is_refused() -> None:
    """A hole that leaves a report of another value as plain Optuna writes it: refused, and no copy keeps its trial."""
    content = whole()
    first = content.index(b'"intermediate_value":7.5,') + len(b'"intermediate_value":7')
    last = content.index(b'"crc32":', first) + len(b'"crc32":')
    damaged = content[:first] + content[last:]
    _found, refusal = read_or_refused(damaged)
    assert f"line {line_at(first)}: the journal is damaged there: it has no checksum" in refusal
    ((_, before),), ((_, after),) = read(content), read(_copied(damaged))
    assert "left out" in after[0].user_attrs["failure"]["error"]
    assert after[1:] == before[1:]


def test_a_flipped_bit_in_the_name_of_a_checksum_is_put_right() -> None:
    """Such a line has no checksum either; the copy holds all of it."""
    damaged = whole().replace(b'"crc32"', b'"crc3r"', 1)
    assert "line 1: the journal is damaged there: it has no checksum" in read_or_refused(damaged)[1]
    assert read(_copied(damaged)) == read(whole())


def test_the_first_line_of_a_writer_is_refused_too() -> None:
    """That its writer gives checksums is known from later lines only; the line named is the one without."""
    content = whole()
    first = content.index(b',"crc32":')
    damaged = content[:first] + content[content.index(b"}\n", first) :]
    _found, refusal = read_or_refused(damaged)
    assert "line 1: the journal is damaged there: it has no checksum" in refusal


def _line_ends() -> list[int]:
    return [place for place, byte in enumerate(whole()) if byte == ord("\n")]


def _leaves_no_trace(damaged: bytes, number: int) -> bool:
    """Whether what a hole has left of its lines is blank, or a whole line behind at most what a dying writer leaves."""
    rest = damaged.split(b"\n")[number - 1]
    return not rest.strip() or any(rest.endswith(line) for line in whole().splitlines())


def _without_the_last_line() -> bytes:
    lines = whole().splitlines(keepends=True)
    return b"".join(lines[:-1])


def _copied(content: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.log"
        path.write_bytes(content)
        write_copy(salvage(path), path.with_name("copy.log"))
        assert path.read_bytes() == content
        return path.with_name("copy.log").read_bytes()
