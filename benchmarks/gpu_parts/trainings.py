# SPDX-License-Identifier: MIT
"""Small trainings on one device: one that wants more memory than there is, and some on two ranks that share a GPU."""

import os
import signal
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

import hyperopt_app

__all__ = ["ALL"]

_WIDTH = 1024


def out_of_memory(conf: Any) -> Any:
    """Take memory until torch refuses it, in the first trial; later trials train."""
    trial = hyperopt_app.current_trial()
    if trial is not None and trial.number > 0:
        return alone(conf)
    if conf.device == "cpu":  # the system would rather kill processes than refuse what it may have
        return float(torch.empty(1 << 60)[0])
    taken = [torch.empty(1 << 30, dtype=torch.uint8, device=conf.device) for _ in range(1 << 20)]
    return float(len(taken))


def alone(conf: Any) -> dict[str, float]:
    """Train on one rank."""
    return _trained(_network().to(conf.device), conf)


def ddp(conf: Any) -> Any:
    """Train the same network on several ranks, which average their gradients."""
    return hyperopt_app.launch_ranks(_ddp_rank, int(conf.ranks), conf)


def fsdp(conf: Any) -> Any:
    """Train with the parameters divided among the ranks."""
    return hyperopt_app.launch_ranks(_fsdp_rank, int(conf.ranks), conf)


def killed_rank(conf: Any) -> Any:
    """Train on several ranks, of which one is killed while it holds memory, in the trial's first attempt."""
    return hyperopt_app.launch_ranks(_killed_rank, int(conf.ranks), conf)


ALL = {each.__name__: each for each in (out_of_memory, alone, ddp, fsdp, killed_rank)}


def _network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(16, _WIDTH), nn.Tanh(), nn.Linear(_WIDTH, _WIDTH), nn.Tanh(), nn.Linear(_WIDTH, 1))


def _ddp_rank(conf: Any) -> dict[str, float]:
    dist.init_process_group(conf.backend)
    network = nn.parallel.DistributedDataParallel(_network().to(conf.device))
    values = _trained(network, conf)
    dist.destroy_process_group()
    return values


def _fsdp_rank(conf: Any) -> dict[str, float]:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard  # type: ignore[attr-defined,unused-ignore]  # since torch 2.6

    dist.init_process_group(conf.backend)
    network = _network().to(conf.device)
    fully_shard(network, mesh=init_device_mesh(conf.device, (int(conf.ranks),)))
    values = _trained(network, conf)
    dist.destroy_process_group()
    return values


def _killed_rank(conf: Any) -> dict[str, float]:
    trial = hyperopt_app.current_trial()
    dist.init_process_group(conf.backend)
    network = _network().to(conf.device)
    mark = None if trial is None else Path(trial.directory, "was_killed")
    if mark is not None and dist.get_rank() == 1 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    values = _trained(network, conf)
    dist.destroy_process_group()
    return values


def _trained(network: nn.Module, conf: Any) -> dict[str, float]:
    """Train on made data, a part of it on each rank, and report each epoch on all ranks."""
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    made = torch.Generator().manual_seed(1)
    inputs = torch.randn(1024, 16, generator=made)
    wanted = inputs.sin().sum(1, keepdim=True)
    inputs, wanted = inputs[rank::world].to(conf.device), wanted[rank::world].to(conf.device)
    optimizer = torch.optim.SGD(network.parameters(), lr=float(conf.x))
    loss = torch.zeros(())
    for epoch in range(1, int(conf.epochs) + 1):
        for _ in range(8):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(network(inputs), wanted)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        hyperopt_app.report(loss.item(), epoch)
    return {"loss": loss.item()}
