# SPDX-License-Identifier: MIT
"""Check what a scheduler will make of the workers: the submission, limits, preemption, accounting. Submits nothing."""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from hyperopt_app.doctor import slurm_site
from hyperopt_app.doctor.check_result import CheckResult, ok, result_of_fault
from hyperopt_app.doctor.slurm_site import Answer
from hyperopt_app.errors import ConfigError
from hyperopt_app.launchers.registry import launcher_row, launcher_script
from hyperopt_app.schedulers.registry import SCHEDULERS
from hyperopt_app.storage.network_filesystems import is_network_filesystem
from hyperopt_app.support.display_text import duration_text

__all__ = ["scheduler_results"]

_START = re.compile(r"to start at (\S+)")
_PARTITION = re.compile(r"in partition (\S+)")
# The one submit command that can say what it would do.
_TESTS_SUBMISSIONS = "sbatch"
_ACCOUNTING_OFF = "accounting storage is disabled"

Ask = Callable[..., Answer]


def scheduler_results(
    config: DictConfig, directory: Path, n_jobs: int, ask: Ask = slurm_site.ask
) -> Iterator[CheckResult]:
    """Check the scheduler that the command's launcher submits to; nothing for other launchers.

    Args:
        config: The composed config.
        directory: The study's directory.
        n_jobs: How many workers the command starts.
        ask: Runs one of the scheduler's programs.
    """
    name = launcher_row(config).scheduler
    if not name:
        return
    row = SCHEDULERS[name]
    if shutil.which(row.submit_program) is None:
        text = f"{row.submit_program} was not found"
        yield CheckResult("submission", "fault", text, f"run this on a machine with {name}, or take another launcher")
        return
    if row.submit_program != _TESTS_SUBMISSIONS:
        yield ok("submission", f"{row.submit_program} is there; {name} cannot test a submission without making it")
        return
    settings: Any = OmegaConf.to_container(config.hydra.launcher, resolve=True)
    try:
        script = launcher_script(config, directory, n_jobs)
    except ConfigError as error:
        yield from map(result_of_fault, error.faults)
        return
    site = ask(["scontrol", "show", "config"])
    if site.status:
        text = f"Slurm does not answer: {' '.join(site.text.split())}"
        yield CheckResult("submission", "fault", text, "run this on a machine of the cluster, or try again later")
        return
    tested = ask(["sbatch", "--test-only"], script)
    yield _submission(tested)
    yield from _partitions(settings, row.limit_s(settings), (tested.text, site.text), ask)
    yield _accounting(ask)
    yield from _shared(directory, ask)


def _submission(tested: Answer) -> CheckResult:
    start = _START.search(tested.text)
    if tested.status:
        reason = " ".join(tested.text.replace("sbatch:", "").split())
        remedy = "correct the fields of hydra.launcher; hydra.sweeper.dry_run=true shows the script"
        return CheckResult("submission", "fault", f"sbatch --test-only refuses the workers: {reason}", remedy)
    when = f"the first worker could start at {start[1]}" if start else "it names no time of a start"
    return ok("submission", f"sbatch --test-only takes the workers; {when}")


def _partitions(settings: Mapping[str, Any], limit_s: float, said: tuple[str, str], ask: Ask) -> Iterator[CheckResult]:
    """Check the limits, the state and the preemption of each partition to which the workers may go."""
    tested, config = said
    chosen = _PARTITION.search(tested)
    names = str(settings.get("partition") or (chosen[1] if chosen else "")).split(",")
    for name in filter(None, names):
        answer = ask(["scontrol", "--oneliner", "show", "partition", name])
        fields = slurm_site.partition_fields(answer.text)
        if answer.status or "State" not in fields:
            reason = " ".join(answer.text.split())
            yield CheckResult("partition", "fault", f"{name}: {reason}", "set hydra.launcher.partition to another one")
            continue
        yield _limits(name, fields, limit_s)
        yield _preemption(name, slurm_site.preemption_mode(fields, config), settings)


def _limits(name: str, fields: Mapping[str, str], limit_s: float) -> CheckResult:
    most_s, state = slurm_site.seconds_of(fields.get("MaxTime", "")), fields["State"]
    if state != "UP":
        text = f"the partition {name} is {state}, so jobs in it do not start"
        return CheckResult("partition", "fault", text, "set hydra.launcher.partition to another one")
    if most_s is not None and limit_s > most_s:
        text = f"jobs ask for {duration_text(limit_s)}, and the partition {name} allows {fields['MaxTime']}"
        remedy = f"set hydra.launcher.timeout_min to at most {int(most_s // 60)}; interrupted trials go on"
        return CheckResult("partition", "fault", text, remedy)
    return ok("partition", f"{name} is UP and allows {fields.get('MaxTime', 'UNLIMITED')} for a job")


def _preemption(name: str, mode: str, settings: Mapping[str, Any]) -> CheckResult:
    text = f"jobs in {name} are preempted by {mode}"
    if mode.startswith("OFF"):
        return ok("preemption", f"jobs in {name} are not preempted")
    if "CANCEL" in mode and settings.get("detach"):
        remedy = "leave out submit (hydra.launcher.detach), so that the command submits workers again"
        return CheckResult("preemption", "warning", f"{text}, and then nobody submits workers again", remedy)
    if "REQUEUE" in mode and not settings.get("max_resubmissions"):
        remedy = "set hydra.launcher.max_resubmissions above 0"
        return CheckResult("preemption", "warning", f"{text}, and no job goes back into the queue", remedy)
    return ok("preemption", f"{text}; an interrupted trial goes on from its last checkpoint")


def _accounting(ask: Ask) -> CheckResult:
    answer = ask(["sacct", "--noheader", "--allocations", "--starttime=now-1minute", "--format=JobID"])
    if not answer.status:
        return ok("accounting", "sacct answers")
    if _ACCOUNTING_OFF in answer.text.lower() or answer.status == 127:
        return ok("accounting", "there is none (sacct); workers' signs of life tell which of them have ended")
    reason = " ".join(answer.text.split())
    remedy = "tell the administrators; meanwhile workers' signs of life tell which of them have ended"
    return CheckResult("accounting", "warning", f"sacct fails: {reason}", remedy)


def _shared(directory: Path, ask: Ask) -> Iterator[CheckResult]:
    nodes = ask(["sinfo", "--noheader", "--format=%o"])
    if nodes.status or is_network_filesystem(directory) or not slurm_site.nodes_elsewhere(nodes.text):
        return
    text = f"{directory} seems to be on a disk of this machine, and nodes are other machines"
    remedy = "set hydra.sweep.dir to a directory that all nodes share; --nodes tests it"
    yield CheckResult("shared", "warning", text, remedy)
