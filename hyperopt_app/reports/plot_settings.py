# SPDX-License-Identifier: MIT
"""What can be set about a plot, and which plots there are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["PLOTS", "PlotSettings"]

PLOTS = ("optimization_history", "intermediate_values", "pareto_front", "partial_dependence")


@dataclass(frozen=True)
class PlotSettings:
    """What is set for one plot.

    Attributes:
        save_path: Directory of the plot, or its file if it ends like one; None for the directory of the study.
        is_file: Whether `save_path` is a file.
        axes: Method of matplotlib's axes to its argument: set_xlim, set_ylim, set_xscale, set_yscale.
        rcparams: matplotlib's own settings.
    """

    save_path: Path | None = None
    is_file: bool = False
    axes: Mapping[str, Any] = field(default_factory=dict)
    rcparams: Mapping[str, Any] = field(default_factory=dict)
