# SPDX-License-Identifier: MIT
"""The plots of the report, and what a user sets about them."""

import math
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState, create_trial

from hyperopt_app.errors import ConfigError
from hyperopt_app.legacy.report import report
from hyperopt_app.reports import learning_curves as curve_plot
from hyperopt_app.reports.partial_dependence import dependences
from hyperopt_app.reports.plot_settings import read_plot_settings
from hyperopt_app.reports.scales import Scale, count_from, scale_of, wrapped
from tests.unit._made_trials import made
from tests.unit._reports import pair_of, png_size, searched


def test_matplotlibs_own_state_is_left_alone(tmp_path: Path) -> None:
    """No backend, style or open figure of the caller's changes."""
    before = dict(mpl.rcParams)
    plot = tmp_path / "plot.yml"
    plot.write_text("optimization_history: {rcparams: {font.size: 30}}\n")
    report(pair_of(tmp_path), searched(n_trials=2), plot=plot)
    assert dict(mpl.rcParams) == before


def test_q3_limits_may_be_texts_that_mean_numbers(tmp_path: Path) -> None:
    """The original README's own example `[3e4,1e6]` is a list of texts for YAML 1.1."""
    path = tmp_path / "plot.yml"
    path.write_text("optimization_history: {set_xlim: [3e4, 1e6], rcparams: {figure.dpi: 1e2, font.family: serif}}\n")
    settings = read_plot_settings(path)["optimization_history"]
    assert settings.axes == {"set_xlim": [3e4, 1e6]}
    assert settings.rcparams == {"figure.dpi": 100.0, "font.family": "serif"}


def test_a_plot_goes_where_its_settings_say(tmp_path: Path) -> None:
    """A folder beside the plot file, with the figure's own size."""
    (tmp_path / "figures").mkdir()
    plot = tmp_path / "plot.yml"
    plot.write_text(
        "optimization_history: {save_path: figures, set_ylim: [1e-1, 1e2], set_yscale: log, set_xscale: linear,"
        " rcparams: {figure.figsize: [4, 3]}}\npartial_dependence: {rcparams: {figure.figsize: [5, 2]}}\n"
    )
    report(pair_of(tmp_path), searched(), plot=plot)
    assert png_size(tmp_path / "figures" / "optimization_history.png") == (1200, 900)
    assert png_size(tmp_path / "results" / "partial_dependence_val_loss.png") == (1500, 600)


def test_a_plots_place_may_be_a_file(tmp_path: Path) -> None:
    """Known by its suffix; the plots of several metrics, which one section sets, get their names too."""
    plot = tmp_path / "plot.yml"
    plot.write_text(
        f"pareto_front: {{save_path: {tmp_path}/plots/front.pdf}}\n"
        f"partial_dependence: {{save_path: {tmp_path}/plots/effects.SVG}}\n"
        f"partial_dependence_c: {{save_path: {tmp_path}/plots/c.png}}\n"
    )
    report(pair_of(tmp_path, "a", "b", "c"), searched(*["minimize"] * 3), plot=plot)
    found = {path.name: path.read_bytes()[:5] for path in (tmp_path / "plots").iterdir()}
    assert found == {
        "front.pdf": b"%PDF-",
        "effects_partial_dependence_a.SVG": b"<?xml",
        "effects_partial_dependence_b.SVG": b"<?xml",
        "c.png": b"\x89PNG\r",
    }


def test_a_folder_may_be_named_like_a_picture(tmp_path: Path) -> None:
    """If it is there; a file goes beside the plot file if its folder is there, else into the working directory."""
    (tmp_path / "history.pdf").mkdir()
    (tmp_path / "plots").mkdir()
    plot = tmp_path / "plot.yml"
    for text, wanted in {
        "history.pdf": (tmp_path / "history.pdf", False),
        "plots/a.png": (tmp_path / "plots" / "a.png", True),
        "a.png": (Path.cwd() / "a.png", True),
        "other/a.png": (Path.cwd() / "other" / "a.png", True),
        "v1.0": (Path.cwd() / "v1.0", False),
    }.items():
        plot.write_text(f"pareto_front: {{save_path: {text}}}\n")
        settings = read_plot_settings(plot)["pareto_front"]
        assert (settings.save_path, settings.is_file) == wanted


@pytest.mark.parametrize("plot", ["optimization_history", "intermediate_values", "partial_dependence"])
def test_limits_that_hide_everything_are_told(tmp_path: Path, plot: str) -> None:
    """The example of the README of old is one, for most studies; limits that hide a part are a user's wish."""
    path = tmp_path / "plot.yml"
    path.write_text(f"{plot}: {{set_ylim: [3e4, 1e6]}}\n")
    (line,) = [line for line in report(pair_of(tmp_path), searched(), plot=path).splitlines() if "Nothing" in line]
    assert line.startswith("\tNothing is seen there, with set_ylim: [30000.0, 1000000.0]: the points have x from ")
    path.write_text(f"{plot}: {{set_ylim: [3, 1e6]}}\n")
    assert "Nothing" not in report(pair_of(tmp_path), searched(), plot=path)


def test_the_plot_file_of_old_is_taken_as_it_is(tmp_path: Path) -> None:
    """What matplotlib has to say of it is told below the plot; a logarithmic axis cannot begin at trial 0."""
    path = tmp_path / "plot.yml"
    path.write_text(
        "optimization_history:\n  set_xlim: [0, 100]\n  set_ylim: [1e-2, 1e6]\n  set_xscale: log\n"
        "  set_yscale: log\n  rcparams: {backend: ps, lines.markersize: 4, font.serif: Helvetica, figure.dpi: 600,"
        " figure.autolayout: True, xtick.top: True, legend.columnspacing: 1.0}\n"
    )
    before = dict(mpl.rcParams)
    lines = report(pair_of(tmp_path), searched(n_trials=5), plot=path).splitlines()
    place = next(k for k, line in enumerate(lines) if line.startswith("Saved the optimization_history plot"))
    assert "non-positive xlim" in lines[place + 1]
    assert dict(mpl.rcParams) == before


def test_trials_that_were_pruned_at_once_are_seen(tmp_path: Path) -> None:
    """Each ends in a cross, also where the curve is a single point."""
    trials = [made(curve={0: 3.0, 1: 2.0}), made(TrialState.PRUNED, curve={0: 9.0}, number=1)]
    trials.append(made(TrialState.PRUNED, curve={0: 8.0, 1: 7.0}, number=2))
    (axes,) = curve_plot.fill(Figure(), trials, trials[0], "loss")
    (crosses,) = [one for one in axes.collections if isinstance(one, PathCollection)]
    assert np.asarray(crosses.get_offsets()).tolist() == [[0.0, 9.0], [1.0, 7.0]]
    assert axes.get_legend_handles_labels()[1] == ["best trial (0)", "pruned at the cross"]


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([1.0, 50.0, math.inf], Scale()),
        ([1e-8, 1e8], Scale("log")),
        ([-1.0, -2.0, 3.0, 0.0], Scale()),
        ([0.4, -0.5, 0.6, -1e6], Scale("symlog", 1.0)),
        ([0.0, math.nan], Scale()),
    ],
)
def test_wide_values_are_drawn_on_a_logarithm(values: list[float], scale: Scale) -> None:
    """Also where some are negative, as a coefficient of determination."""
    assert scale_of(values) == scale
    finite = [value for value in values if math.isfinite(value)]
    assert scale.back(scale.forward(finite)) == pytest.approx(finite)


def test_a_choice_that_the_last_trial_cannot_have_is_a_choice() -> None:
    """Trials that were imported may have had other choices; those that nobody took are left out."""
    kinds = [("a", ["a", "b"]), ("b", ["a", "b"]), ("c", ["d", "c"])]
    trials = [
        create_trial(params={"kind": kind}, distributions={"kind": CategoricalDistribution(choices)}, value=1.0)
        for kind, choices in kinds
    ]
    (estimate,) = dependences(trials, [0.0, 1.0, 2.0], n_trees=2, max_depth=2)
    assert estimate.choices == ("c", "a", "b")
    assert list(estimate.tried) == [1.0, 2.0, 0.0]


def test_long_names_are_broken_between_words() -> None:
    """So that they do not lie on each other."""
    assert wrapped("lr", 8) == "lr"
    assert wrapped("learning_rate_of_encoder", 12) == "learning_\nrate_of_\nencoder"
    assert wrapped("x" * 10, 4) == "xxxx\nxxxx\nxx"


def test_a_single_trial_has_whole_numbers(tmp_path: Path) -> None:
    """Trial 0, not 0.015."""
    axes = Figure().subplots()
    axes.scatter([3], [1.0])
    count_from(axes, [3])
    assert [float(tick) for tick in axes.get_xticks()] == [2.0, 3.0, 4.0]


def test_all_faults_of_a_plot_file_are_told_at_once(tmp_path: Path) -> None:
    """Before anything is written."""
    plot = tmp_path / "plot.yml"
    plot.write_text(
        "optimisation_history: {}\npareto_front: 3\nintermediate_values:\n  set_xlim: 4\n  set_yscale: lg\n"
        "  colour: red\n  save_path: [a]\n  rcparams: {font.sice: 3, font.size: big}\n"
    )
    with pytest.raises(ConfigError) as caught:
        report(pair_of(tmp_path), searched(n_trials=1), plot=plot)
    wanted = [
        "optimisation_history: this is not a plot (did you mean optimization_history?)",
        "pareto_front: 3 is not a mapping",
        "intermediate_values.set_xlim: 4 is not a range",
        "intermediate_values.set_yscale: 'lg' is not a scale",
        "intermediate_values.colour: this cannot be set",
        "intermediate_values.save_path: ['a'] is not a path",
        "font.sice: matplotlib has no such setting (did you mean font.size",
        "font.size: 'big' came",
    ]
    assert [text for text in wanted if text not in str(caught.value)] == []
    assert len(caught.value.faults) == len(wanted)
    assert not (tmp_path / "results").exists()
