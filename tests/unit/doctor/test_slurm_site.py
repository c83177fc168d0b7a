# SPDX-License-Identifier: MIT
"""What is read from the answers of Slurm's programs."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperopt_app.doctor.slurm_site import ask, nodes_elsewhere, partition_fields, preemption_mode, seconds_of

SITE = "PreemptMode             = GANG,SUSPEND\nPreemptType             = preempt/partition_prio\n"


@given(days=st.integers(0, 99), rest=st.integers(0, 86_399))
def test_times_of_slurm(days: int, rest: int) -> None:
    """With days and without; a partition without a limit has none."""
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    assert seconds_of(f"{days}-{clock}") == days * 86_400 + rest
    assert seconds_of(clock) == rest
    assert seconds_of("UNLIMITED") is None


@pytest.mark.parametrize(
    ("line", "site", "mode"),
    [
        ("PartitionName=a PreemptMode=REQUEUE State=UP", SITE, "REQUEUE"),
        ("PartitionName=a State=UP", SITE, "GANG,SUSPEND"),
        ("PartitionName=a PreemptMode=REQUEUE State=UP", SITE.replace("preempt/partition_prio", "preempt/none"), "OFF"),
        ("PartitionName=a PreemptMode=REQUEUE State=UP", SITE.replace("preempt/partition_prio", "(null)"), "OFF"),
        ("PartitionName=a PreemptMode=REQUEUE State=UP", "", "OFF"),
    ],
    ids=["its own", "the site's", "no preemption", "none by newer releases", "no answer"],
)
def test_the_mode_of_preemption(line: str, site: str, mode: str) -> None:
    """A partition's own counts before the site's, and neither where the site preempts nothing."""
    assert preemption_mode(partition_fields(line), site) == mode


@pytest.mark.parametrize(
    ("addresses", "is_elsewhere"),
    [("127.0.0.1\nlogin\n", False), ("login.example.org\n", False), ("n1\n", True), ("", False)],
    ids=["here", "by its whole name", "another", "no answer"],
)
def test_nodes_on_other_machines(addresses: str, is_elsewhere: bool) -> None:
    """As their addresses tell."""
    assert nodes_elsewhere(addresses, "login.example.org") is is_elsewhere


def test_a_program_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is no error of ours; neither is one that is not installed."""

    def late(words: list[str], **_options: object) -> None:
        raise subprocess.TimeoutExpired(words, 60)

    assert ask(["no-such-program"]).status == 127
    monkeypatch.setattr(subprocess, "run", late)
    assert ask(["sacct"]) == ("sacct did not answer within 60 s", 124)
