# SPDX-License-Identifier: MIT
"""What a trial does in a process that is one of its ranks: it acts through a link to rank zero."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from hyperopt_app.objective.first_process import FirstProcess, join_as_rank

__all__ = ["RankCalls"]


class RankCalls:
    """The part of `Trial` that several processes share."""

    _first: FirstProcess
    _trial: Any
    _writing: Callable[[], Any]
    _on_checkpoint: Callable[[], object]
    _on_saved: Callable[[], object]
    _counts: dict[str, int]

    def _check(self, call: str) -> None:
        """Refuse a call of a process that may not act for the trial; a rank of the trial joins it here."""
        if not self._first.is_here and (link := join_as_rank()) is not None:
            self._act_through(link)
        self._first.check(call)

    def _act_through(self, link: Any) -> None:
        """Let this process, a rank, act for the trial by the answers that rank zero gets."""

        def end_here() -> None:
            if link.ask("checkpointed"):
                raise KeyboardInterrupt

        self._first, self._trial, self._writing = FirstProcess(), link, nullcontext
        self._on_checkpoint, self._on_saved = end_here, lambda: link.ask("checkpointed")

    def agreed(self, name: str, compute: Callable[[], Any]) -> Any:
        """Compute plain data on rank zero and return it on all ranks of the trial, which must all call this."""
        self._check(f"trial.agreed({name!r})")
        agree = getattr(self._trial, "agreed", None)
        return compute() if agree is None else agree(name, compute)

    def count(self, key: str, more: int = 0) -> dict[str, int]:
        """Count something on rank zero; return all counts of this attempt. All ranks of the trial must call this."""
        self._check("trial.count()")
        count = getattr(self._trial, "count", None)
        if count is not None:
            return dict(count(key, more))
        self._counts[key] = self._counts.get(key, 0) + more
        return dict(self._counts)
