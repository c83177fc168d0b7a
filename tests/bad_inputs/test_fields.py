# SPDX-License-Identifier: MIT
"""Every field of ours under bad values: one clear line and nothing written, or accepted by name."""

from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.bad_inputs.accepted import ACCEPTED
from tests.bad_inputs.cases import KINDS, Case, cases_of
from tests.bad_inputs.fields import FIELDS, GROUPS, schema_fields
from tests.bad_inputs.judging import Try, trying, verdict

_MOST_TOLD = 20
# By default each so-manieth input of a group is tried; by night all are.
_EACH = 4


@pytest.fixture(scope="module")
def tried() -> Iterator[Try]:
    """One process for all inputs."""
    with trying() as one:
        yield one


def _surprises(tried: Try, cases: list[Case]) -> list[str]:
    found = []
    for case in cases:
        wanted = "accepted" if case.name in ACCEPTED else "clear"
        came = verdict(tried(case.words), case.key)
        if came != wanted:
            found.append(f"{case.name} ({case.kind}): {came}, not {wanted}")
    return found[:_MOST_TOLD]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("group", GROUPS)
def test_some_bad_inputs_end_in_one_clear_line(group: str, tried: Try) -> None:
    """Exit code, no traceback, the key is named, nothing is written; or the input is one of `accepted`."""
    cases = cases_of(group)
    assert _surprises(tried, cases[GROUPS.index(group) % _EACH :: _EACH]) == []


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("group", GROUPS)
def test_all_bad_inputs_end_in_one_clear_line(group: str, tried: Try) -> None:
    """The same for each of them."""
    assert _surprises(tried, cases_of(group)) == []


@pytest.mark.parametrize("group", GROUPS)
def test_each_field_has_an_entry(group: str) -> None:
    """A new field of a schema wants one in `fields.FIELDS`: what sort of value it takes."""
    assert [name for _, _, name in schema_fields(group) if name not in FIELDS] == []


def test_each_field_is_tried_in_six_ways_and_all_in_five_hundred() -> None:
    """Wrong type, out of range, empty, huge, odd text and wrong place; no two inputs have one name."""
    cases = [case for group in GROUPS for case in cases_of(group)]
    kinds = defaultdict(set)
    for group in GROUPS:
        for case in cases_of(group):
            kinds[case.name.partition(":")[0], case.key].add(case.kind)
    assert {field: found for field, found in kinds.items() if found != set(KINDS)} == {}
    assert len({case.name for case in cases}) == len(cases) >= 500


def test_what_is_accepted_is_an_input() -> None:
    """No entry of `accepted` has outlived its field."""
    names = {case.name for group in GROUPS for case in cases_of(group)}
    assert sorted(set(ACCEPTED) - names) == []
