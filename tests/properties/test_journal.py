# SPDX-License-Identifier: MIT
"""Whatever is torn off a journal, its complete records and the new ones are read; other damage is refused."""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.storages.journal import JournalFileBackend

from hyperopt_app.storage.journal import RepairingJournalBackend

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
RECORDS = st.lists(
    st.builds(
        lambda code, attributes: {"op_code": code, "worker_id": "w", "user_attr": attributes},
        st.integers(0, 10),
        st.dictionaries(st.text(max_size=4) | st.just("op_code"), VALUES, max_size=2),
    ),
    max_size=5,
)


def lines(records: list[dict[str, Any]]) -> list[bytes]:
    return [json.dumps(record, separators=(",", ":")).encode() + b"\n" for record in records]


def plain(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """As Optuna has written them, without the checksum, over which it reads."""
    return [{key: value for key, value in record.items() if key != "crc32"} for record in records]


@settings(max_examples=60, deadline=None)
@given(RECORDS, RECORDS, st.data())
def test_cutting_a_journal_anywhere_costs_only_the_cut_record(
    old: list[dict[str, Any]], new: list[dict[str, Any]], data: st.DataObject
) -> None:
    """read(append(cut(records), new)) = the records complete before the cut + new, for us and for plain Optuna."""
    new = [{**record, "worker_id": "ours"} for record in new]
    whole = b"".join(lines(old))
    cut = data.draw(st.integers(0, len(whole)))
    ends = [len(b"".join(lines(old[: number + 1]))) for number in range(len(old))]
    kept = [record for record, end in zip(old, ends, strict=True) if cut >= end - 1]

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.log"
        path.write_bytes(whole[:cut])
        stock = JournalFileBackend(str(path))
        seen = list(stock.read_logs(0))
        backend = RepairingJournalBackend(path)
        for record in new:
            backend.append_logs([record])
        expected = kept + new
        assert list(backend.read_logs(0)) == expected
        assert plain(JournalFileBackend(str(path)).read_logs(0)) == expected
        assert seen + plain(stock.read_logs(len(seen))) == expected


@settings(max_examples=60, deadline=None)
@given(RECORDS, st.lists(st.integers(0, 60), min_size=6, max_size=6))
def test_torn_records_before_records_cost_none(records: list[dict[str, Any]], lengths: list[int]) -> None:
    """What a dying writer leaves before a record does not hide it, neither from us nor, afterwards, from Optuna."""
    torn = b'{"op_code":8,"worker_id":"somebody","trial_id":3,"user_attr":{"k":"'
    whole = b"".join(torn[:length] + line for length, line in zip(lengths, lines(records), strict=False))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.log"
        path.write_bytes(whole)
        assert list(RepairingJournalBackend(path).read_logs(0)) == records
        assert list(JournalFileBackend(str(path)).read_logs(0)) == records
        assert path.stat().st_size == len(whole)
