# SPDX-License-Identifier: MIT
"""How the workers of a file are started: as jobs of Slurm, of PBS, or on this machine; pure."""

from collections.abc import Mapping
from typing import Any

from hyperopt_app.legacy.batch.pbs_block import read_pbs
from hyperopt_app.legacy.batch.slurm_block import read_slurm
from hyperopt_app.legacy.reading.findings import Findings
from hyperopt_app.legacy.reading.pair import Launcher

__all__ = ["read_launchers"]


def read_launchers(hyper: Mapping[Any, Any], findings: Findings) -> list[Launcher]:
    """The launchers of the blocks `slurm` and `pbs`; none if there is no such block."""
    found = []
    if hyper.get("slurm") is not None:
        found.append(read_slurm(hyper["slurm"], findings))
    if hyper.get("pbs") is not None:
        found.append(read_pbs(hyper["pbs"], findings))
    if len(found) > 1:
        findings.note("slurm and pbs are both here: workers are submitted to both, as always, for the one study")
    return found
