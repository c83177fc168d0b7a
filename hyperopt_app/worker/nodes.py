# SPDX-License-Identifier: MIT
"""Decide which nodes of a cluster to avoid: from a study's lost trials, and by a check of a node's GPUs.

Outside a scheduler a worker has no node, and nothing here applies.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence

from optuna.trial import FrozenTrial

from hyperopt_app.processes.python_start import safe_words
from hyperopt_app.study.records.trial_records import claim_of, losses_of

__all__ = ["LOSSES_OF_A_BAD_NODE", "avoids", "bad_nodes", "check_node", "default_check"]

# As many trials lost in a row on one node, with none that ended there in between.
LOSSES_OF_A_BAD_NODE = 3

_CHECK_S = 60.0

# Each device must do a little work; a machine whose torch has no CUDA is left to nvidia-smi.
_TORCH_CHECK = """
import torch
if torch.version.cuda or torch.version.hip:
    assert torch.cuda.is_available(), "torch sees no device"
    for number in range(torch.cuda.device_count()):
        one = torch.ones(1000, device=f"cuda:{number}")
        assert float(one.sum()) == 1000.0, f"device {number} counts wrong"
"""


def avoids(ticket: FrozenTrial, node: str, elsewhere: Callable[[], bool]) -> bool:
    """Whether a worker on `node` leaves a waiting ticket to others: it was lost here, and others work elsewhere.

    Args:
        ticket: The waiting trial.
        node: The worker's own node; empty outside a scheduler.
        elsewhere: Whether a live worker is on another node; asked only if it matters.
    """
    return bool(node) and any(loss.get("node") == node for loss in losses_of(ticket)) and elsewhere()


def bad_nodes(trials: Sequence[FrozenTrial]) -> dict[str, str]:
    """The nodes on which trials were lost in a row, and why they are bad.

    A loss counts against its node until a trial that was started after it ends there.
    """
    lost: dict[str, int] = {}
    for trial in trials:
        for loss in losses_of(trial):
            if loss.get("node"):
                lost[loss["node"]] = lost.get(loss["node"], 0) + 1
    for trial in trials:
        claim = claim_of(trial) or {}
        node = claim.get("place", {}).get("node", "")
        if node in lost and trial.state.is_finished():
            del lost[node]
    return {
        node: f"{count} trials in a row were lost there"
        for node, count in lost.items()
        if count >= LOSSES_OF_A_BAD_NODE
    }


def default_check(visible: Collection[str], loaded: Mapping[str, object] = sys.modules) -> list[list[str]]:
    """The commands that check a node's GPUs; none without a GPU, or without a program that knows them."""
    if not visible:
        return []
    commands = []
    if shutil.which("nvidia-smi"):
        commands.append(["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader", f"--id={','.join(visible)}"])
    if "torch" in loaded:
        commands.append([sys.executable, *safe_words(), "-c", _TORCH_CHECK])
    return commands


def check_node(commands: Sequence[Sequence[str]]) -> str:
    """Run the commands, each for at most a minute; why the node is not fit, or an empty text if it is."""
    for words in commands:
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=_CHECK_S, check=False)
        except subprocess.TimeoutExpired:
            return f"{words[0]} did not answer within {_CHECK_S:g} s"
        except OSError as error:
            return f"{words[0]}: {error}"
        if done.returncode:
            last = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
            return f"{words[0]} failed with exit code {done.returncode}: {last[-1].strip() if last else 'no output'}"
    return ""
