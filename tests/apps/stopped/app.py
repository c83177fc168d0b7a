# SPDX-License-Identifier: MIT
"""A Hydra app whose trial 0 waits, in its first process, for the file `go` in its directory; a second one goes through.

The first process notes its id in the file `first`, and whether it could report after its wait in the file `late`. The
second one waits for the file `second may end`, if there is `second waits`.
"""

import os
import time
from pathlib import Path
from typing import Any

import hydra

import hyperopt_app


def _await(path: Path) -> None:
    while not path.exists():
        time.sleep(0.01)


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(conf: Any) -> float:
    """Report a step, wait, report another one."""
    trial = hyperopt_app.current_trial()
    assert trial is not None
    hyperopt_app.report(1.0, 0)
    if trial.number == 0:
        _in_turn(trial)
    hyperopt_app.report(0.5, 1)
    return float(conf.x**2)


def _in_turn(trial: hyperopt_app.Trial) -> None:
    place = trial.directory
    if trial.resumed:
        (place / "second").touch()
        if (place / "second waits").exists():
            _await(place / "second may end")
        return
    (place / "aside").write_text(str(os.getpid()))
    (place / "aside").replace(place / "first")
    _await(place / "go")
    try:
        hyperopt_app.report(99.0, 99)
        hyperopt_app.checkpointed()
        trial.set_user_attr("late", True)
        (place / "late").write_text("reported")
    except BaseException as error:
        (place / "late").write_text(type(error).__name__)
        raise


if __name__ == "__main__":
    main()
