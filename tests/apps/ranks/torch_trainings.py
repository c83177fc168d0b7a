# SPDX-License-Identifier: MIT
"""A training with `torch.distributed` on two ranks."""

import json
from pathlib import Path
from typing import Any

import torch
import torch.distributed
import trainings  # type: ignore[import-not-found]

import hyperopt_app


def train(conf: Any) -> Any:
    """One rank, which `launch_ranks` has started."""
    torch.distributed.init_process_group("gloo")
    return trained(conf)


def spawned(conf: Any) -> Any:
    """Both ranks by torch's own function, which returns nothing."""
    trial = hyperopt_app.current_trial()
    assert trial is not None
    torch.multiprocessing.spawn(_of_spawn, (conf,), nprocs=trainings.RANKS)  # type: ignore[attr-defined,no-untyped-call]
    return json.loads(Path(trial.directory, "result.json").read_text())


def _of_spawn(rank: int, conf: Any) -> None:
    torch.distributed.init_process_group("gloo", rank=rank, world_size=trainings.RANKS)
    result = trained(conf)
    trial = hyperopt_app.current_trial()
    if rank == 0 and trial is not None:
        Path(trial.directory, "result.json").write_text(json.dumps(result))


def trained(conf: Any) -> dict[str, float]:
    """Train as a rank of a group that is there already."""
    rank, trial = torch.distributed.get_rank(), hyperopt_app.current_trial()
    assert trial is not None
    weight, begin = torch.zeros(1), 0
    if trial.checkpoint.exists():
        state = torch.load(trial.checkpoint)
        weight, begin = state["weight"], state["epoch"] + 1
    for epoch in range(begin, conf.epochs):
        trainings.note(rank, epoch=epoch, world=torch.distributed.get_world_size(), x=conf.x)
        trainings.happen(conf.what, rank, epoch)
        gradient = weight - 1
        torch.distributed.all_reduce(gradient)
        weight = weight - float(conf.x) * gradient / trainings.RANKS
        hyperopt_app.report(float((weight - 1).square()), epoch + 1)
        if rank == 0:
            aside = trial.checkpoint.with_suffix(".new")
            torch.save({"weight": weight, "epoch": epoch}, aside)
            aside.replace(trial.checkpoint)
        torch.distributed.barrier()
        if epoch + 1 < conf.epochs:
            trial.checkpointed()
    torch.distributed.destroy_process_group()
    return {"val_loss": float((weight - 1).square())}
