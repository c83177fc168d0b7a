# SPDX-License-Identifier: MIT
"""Places in a Slurm that is not there, and lines as its squeue writes them; no test stands here."""

from hyperopt_app.schedulers.place import Place, Verdict

PLACE = Place("slurm", "main", "7", "7", 0, "n1", "0")
TASK = Place("slurm", "main", "7_2", "9", 0, "n1", "0")


def gone(state: str) -> Verdict:
    """The verdict on a run that has ended."""
    return Verdict(False, state)


def row(job: str, raw: str, state: str, restart: int = 0, cluster: str = "main") -> str:
    """A line as squeue writes it."""
    return f"{job:<64}{raw:<32}{state:<32}{restart:<16}{cluster:<64}"
