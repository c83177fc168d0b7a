# SPDX-License-Identifier: MIT
"""The families of problems by name."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.search.digits import Digits
from benchmarks.search.digits_table import SEEDS
from benchmarks.search.made import KINDS, Made
from benchmarks.search.problem import Problem
from benchmarks.search.surrogates import DEV, OTHER, XGBOOST, LCBench, XGBoost

__all__ = ["FAMILIES", "family"]

#: What each family is.
FAMILIES = {
    **KINDS,
    "digits": "the network of objectives/digits.py, from a table of its trainings",
    "dev": "LCBench, six tasks to develop methods on",
    "dense": "as dev, with a report after each of the 52 epochs",
    "other": "LCBench, 23 tasks to measure methods by",
    "xgboost": "boosted trees, six tasks",
}


def family(name: str, tables: Path | None) -> Sequence[Problem]:
    """Return the problems of a family.

    Args:
        name: One of FAMILIES.
        tables: The directory of the public surrogates, for the families that want them.
    """
    if name in KINDS:
        return [Made(name, seed) for seed in range(6)]
    if name == "digits":
        return [Digits(seed) for seed in range(SEEDS)]
    if tables is None:
        raise SystemExit(f"--families {name}: the public surrogates are wanted; give their directory by --tables DIR")
    if name == "xgboost":
        return [XGBoost(tables, task) for task in XGBOOST]
    steps = range(1, 53) if name == "dense" else None
    return [LCBench(tables, task, steps) for task in (OTHER if name == "other" else DEV)]
