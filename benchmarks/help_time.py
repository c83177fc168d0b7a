# SPDX-License-Identifier: MIT
"""Seconds until `python -m hyperopt_app --help` has answered.

python benchmarks/help_time.py [--repeats 10]
"""

import argparse
import statistics
from pathlib import Path

from measuring import machine, run, table

COMMANDS = {
    "python -m hyperopt_app --help": ["-m", "hyperopt_app", "--help"],
    "hyperopt-app --help": ["-c", "from hyperopt_app.cli import main; main(['--help'])"],
    "import hydra": ["-c", "import hydra"],
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    lines = []
    for name, words in COMMANDS.items():
        times = [run(words, Path.cwd()) for _ in range(options.repeats)]
        lines.append([f"`{name}`", f"{statistics.median(times):.2f}", f"{min(times):.2f}"])
    print(f"{options.repeats} repeats, {machine()}\n")
    print(table(["", "median, s", "least, s"], lines))


if __name__ == "__main__":
    main()
