# SPDX-License-Identifier: MIT
"""A Hydra app whose trials fail, or return what cannot be, where the file `spoiled` says so: a line `number word`."""

from pathlib import Path
from typing import Any

import hydra

import hyperopt_app


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(conf: Any) -> dict[str, float]:
    """The parabola (x - 1)^2."""
    trial = hyperopt_app.current_trial()
    spoiled = Path(conf.spoiled)
    words = dict(line.split() for line in spoiled.read_text().splitlines()) if spoiled.exists() else {}
    word = words.get(str(trial.number), "") if trial is not None else ""
    if word == "oom":
        raise MemoryError
    if word == "bug":
        raise KeyError("a bug")
    return {"loss": -1000.0 if word == "wrong" else (conf.x - 1) ** 2}


if __name__ == "__main__":
    main()
