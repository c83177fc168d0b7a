# SPDX-License-Identifier: MIT
"""Log which running trials the driver waits for when no ticket is left, each once."""

import logging
from collections import Counter
from collections.abc import Iterable

from optuna.trial import FrozenTrial

from hyperopt_app.processes.entries import process_lives
from hyperopt_app.study.records.trial_records import claim_of

__all__ = ["Awaited"]

_log = logging.getLogger(__name__)

# A trial that is just being claimed has no holder for a moment, and a trial that just ends still seems to run. So a
# reason is logged only after this many looks in a row.
_LOOKS = 3


class Awaited:
    """Logs which running trials are waited for, and again only when a trial changes hands.

    Args:
        lease_s: Seconds without a sign of life after which a trial is freed.
    """

    def __init__(self, lease_s: float) -> None:
        self._lease_s = lease_s
        self._seen: Counter[str] = Counter()

    def look(self, running: Iterable[FrozenTrial]) -> None:
        """Record the trials that are waited for now, and log those that stay."""
        texts = [text for trial in running if (text := self._text(trial))]
        for text in [text for text in self._seen if text not in texts and self._seen[text] < _LOOKS]:
            del self._seen[text]
        for text in texts:
            self._seen[text] += 1
            if self._seen[text] == _LOOKS:
                _log.warning("%s", text)

    def _text(self, trial: FrozenTrial) -> str:
        waiting, claim = f"waiting for trial {trial.number}", claim_of(trial)
        freed = f"it is freed after {self._lease_s:g} s without"
        if claim is None:
            return f"{waiting}, which no worker of hyperopt_app holds (maybe of another program); {freed} a report"
        lives, holder = process_lives(claim), f"worker {claim.get('number')} on {claim.get('host')}"
        if lives is None:
            return f"{waiting}, which {holder} holds (process {claim.get('pid')}); {freed} a sign of life"
        return f"{waiting}, which {holder} trains (process {claim.get('pid')})" if lives else ""
