# SPDX-License-Identifier: MIT
"""The parts: what each of them runs, and the rows that it makes."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from optuna.trial import FrozenTrial

from benchmarks.gpu_parts import mps
from benchmarks.gpu_parts.memory import is_given_back, settled_mb, used_mb, watched
from benchmarks.gpu_parts.rows import Row
from benchmarks.gpu_parts.searches import APP, Sizes, completed, searched, trials_per_hour, where
from hyperopt_app.study.trial_facts import failure_kind, failure_text

__all__ = ["PARTS", "Part"]

# One network for all trials, so that cases can be compared; the learning rate alone is searched.
_NETWORK = {
    "model.z_dim": "32",
    "model.width": "1.0",
    "model.num_dense": "1",
    "model.dropout": "0.1",
    "optimizer.type": "adamw",
    "optimizer.weight_decay": "1e-4",
}


class Part(NamedTuple):
    """A part.

    Attributes:
        run: Yields its rows, each as soon as it is known.
        share: Of the time of all parts.
    """

    run: Callable[[Sizes], Iterator[Row]]
    share: float


def holograms(sizes: Sizes) -> Iterator[Row]:
    """Yield the row of one training on holograms with nothing beside it."""
    yield _case("holodec", "one trial", sizes, 1, 1)


def sharing(sizes: Sizes) -> Iterator[Row]:
    """Yield a row for each number of trials that share the device."""
    for workers in sizes.workers:
        yield _case("sharing", _beside(workers), sizes, workers, max(4, sizes.trials * workers))


def sharing_by_mps(sizes: Sizes) -> Iterator[Row]:
    """Yield the same with MPS, where it can be started."""
    try:
        with mps.started() as environment:
            for workers in (number for number in sizes.workers if number > 1):
                yield _case("mps", _beside(workers), sizes, workers, max(4, sizes.trials * workers), environment)
    except mps.CannotStartError as error:
        yield Row("mps", "all", f"left out: {error}", device=sizes.device)


def memory(sizes: Sizes) -> Iterator[Row]:
    """Yield what of the memory is in use before and after trials, and after a rank was killed."""
    before = used_mb()
    yield Row("memory", "before", memory_mb=before, device=sizes.device)
    for case, what in (("after trials", "alone"), ("after a killed rank", "killed_rank")):
        row, trials = _app_case("memory", f"highest in {case.removeprefix('after ')}", sizes, what, n_trials=2)
        yield row
        now, waited_s = settled_mb(before)
        is_back = is_given_back(before, now)
        came = "ok" if is_back else f"{now} MB are in use, and were {before}"
        is_ok = is_back and len(completed(trials)) == 2
        yield Row("memory", case, came, is_ok, seconds=waited_s, memory_mb=now, device=sizes.device)


def out_of_memory(sizes: Sizes) -> Iterator[Row]:
    """Yield the kind of the failure of a trial that wanted more memory than there is, and how the next one ended."""
    begun = time.monotonic()
    with watched() as peak, searched(_app_words(sizes, "out_of_memory", n_trials=2)) as trials:
        first, second = trials[0], trials[1:]
        kind, said, is_next_ok = failure_kind(first), _said([first]), len(completed(second)) == 1
    seconds = time.monotonic() - begun
    came = f"its kind is {kind}: {said}"
    yield Row("oom", "one trial", came, kind == "oom", seconds=seconds, memory_mb=peak.mb, device=sizes.device)
    yield Row("oom", "the next one", "ok" if is_next_ok else _said(second), is_next_ok, device=sizes.device)


def ranks(sizes: Sizes) -> Iterator[Row]:
    """Yield a trial on two ranks that share the device."""
    yield _app_case("ranks", "two, gloo", sizes, "ddp")[0]


def sharded(sizes: Sizes) -> Iterator[Row]:
    """Yield trials with divided parameters: on one rank, and on two, for which torch may lack what gloo would need."""
    alone = "nccl" if sizes.device == "cuda" else "gloo"
    yield _app_case("fsdp", f"one rank, {alone}", sizes, "fsdp", ("ranks=1", f"backend={alone}"))[0]
    yield _app_case("fsdp", "two ranks, gloo", sizes, "fsdp")[0]


PARTS: Mapping[str, Part] = {
    "holodec": Part(holograms, 2),
    "sharing": Part(sharing, 8),
    "mps": Part(sharing_by_mps, 5),
    "memory": Part(memory, 3),
    "oom": Part(out_of_memory, 2),
    "ranks": Part(ranks, 1.5),
    "fsdp": Part(sharded, 2),
}


def _beside(workers: int) -> str:
    return f"{workers} at a time"


def _case(
    part: str, case: str, sizes: Sizes, workers: int, trials: int, environment: Mapping[str, str] | None = None
) -> Row:
    """Search on holograms with so many workers on the device."""
    words = [
        *("-m", "hyperopt_app", "--multirun", "hparams=holodec", *where(sizes.device, workers)),
        *(f"{key}={value}" for key, value in _NETWORK.items()),
        *(f"trainer.accelerator={sizes.device}", f"trainer.epochs={sizes.epochs}"),
        *(f"data.n_train={sizes.windows}", f"data.n_valid={max(16, sizes.windows // 8)}"),
        *("hydra/sweeper/sampler=random", "hydra/sweeper/pruner=nop", f"hydra.sweeper.n_trials={trials}"),
    ]
    return _measured(part, case, sizes, words, trials, environment)[0]


def _app_case(
    part: str, case: str, sizes: Sizes, what: str, more: Sequence[str] = (), n_trials: int = 1
) -> tuple[Row, list[FrozenTrial]]:
    """Search with the small trainings of `trainings.py`."""
    return _measured(part, case, sizes, [*_app_words(sizes, what, n_trials), *more], n_trials)


def _app_words(sizes: Sizes, what: str, n_trials: int) -> list[str]:
    words = [str(APP), "--multirun", f"what={what}", f"device={sizes.device}", f"hydra.sweeper.n_trials={n_trials}"]
    return [*words, *where(sizes.device)]


def _measured(
    part: str, case: str, sizes: Sizes, words: Sequence[str], trials: int, environment: Mapping[str, str] | None = None
) -> tuple[Row, list[FrozenTrial]]:
    begun = time.monotonic()
    with watched() as peak, searched(words, environment) as seen:
        done = completed(seen)
        is_ok = len(done) == trials
        came = "ok" if is_ok else f"{len(done)} of {trials} trials completed: {_said(seen)}"
        seconds, rate = time.monotonic() - begun, trials_per_hour(seen)
    row = Row(part, case, came, is_ok, seconds, rate, memory_mb=peak.mb, device=sizes.device)
    return row, seen


def _said(trials: Sequence[FrozenTrial]) -> str:
    """Return the reason of the first failure, in one short line."""
    texts = [failure_text(trial) for trial in trials if failure_text(trial)]
    return " ".join(texts[0].split())[:160] if texts else "no trial gave a reason"
