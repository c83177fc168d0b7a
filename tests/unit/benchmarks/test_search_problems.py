# SPDX-License-Identifier: MIT
"""The problems of the simulated searches: what each family promises, and the message where its files are absent."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.search import digits_table, surrogates
from benchmarks.search.digits import Digits
from benchmarks.search.digits_table import EPOCHS, SEEDS, SPACE
from benchmarks.search.families import family
from benchmarks.search.made import Made
from benchmarks.search.problem import Array, random_configs


def _ranks(values: Array) -> Array:
    return np.argsort(np.argsort(values)) / (len(values) - 1)


def _drawn(kind: str) -> tuple[Array, Array]:
    problem = Made(kind, 3)
    return problem.curves(random_configs(problem.space, 500, seed=5))


def test_a_smaller_draw_is_the_start_of_a_larger() -> None:
    """So a table that is cut short is one of as many random configurations."""
    space = Made("easy", 0).space
    assert random_configs(space, 3, seed=1) == random_configs(space, 9, seed=1)[:3]


@pytest.mark.parametrize("kind", ["cross", "noisy"])
def test_one_configuration_in_a_hundred_has_the_target(kind: str) -> None:
    """The goal is that of random configurations, its unit their mean training."""
    problem = Made(kind, 1)
    values, times = problem.curves(random_configs(problem.space, 2000, seed=2))
    goal = problem.goal()
    assert 0.003 < (values[:, -1] >= goal.target).mean() < 0.03
    assert times[:, -1].mean() == pytest.approx(goal.unit, rel=0.05)
    assert (goal.sigma > 0) == (kind == "noisy")


def test_early_ranks_are_what_the_kinds_say() -> None:
    """At a ninth of the training the best are among the best (easy), not yet (mild), or among the worst (cross)."""
    early = {
        kind: _ranks(values[:, 1])[values[:, -1].argsort()[-5:]].mean()
        for kind in ("easy", "mild", "cross")
        for values in [_drawn(kind)[0]]
    }
    assert early["easy"] > 0.9 > early["mild"] > 0.3 > early["cross"]


def test_few_report_twice_and_none_never() -> None:
    """Without reports nothing is known before the end."""
    assert [Made(kind, 0).steps for kind in ("few", "none")] == [(1, 2), (1,)]
    assert [Made(kind, 0).reports for kind in ("few", "none")] == [True, False]


@pytest.mark.parametrize("name", ["dev", "other", "dense", "xgboost"])
def test_absent_surrogates_are_named(name: str, tmp_path: Path) -> None:
    """The message says which file is not there, whose it is, and with which option its directory is given."""
    with pytest.raises(SystemExit, match=r"--tables"):
        family(name, None)
    with pytest.raises(SystemExit, match=r"--tables: .*model\.onnx is not there.*yahpo_data"):
        family(name, tmp_path)


class _Network:
    """In place of a surrogate: it keeps what it is asked and answers with the row's last numbers."""

    codes = {"OpenML_task_id": {"t": 7}, "task_id": {"t": 7}, "booster": {"gbtree": 3}} | {
        "num.impute.selected.cpo": {"impute.mean": 4, "impute.median": 5, "impute.hist": 6}
    }

    def predict(self, categories: NDArray[np.int32], numbers: NDArray[np.float32]) -> Array:
        self.categories, self.numbers = categories, numbers
        return np.arange(len(numbers) * 8, dtype=float).reshape(len(numbers), 8)


def test_surrogates_are_asked_in_the_order_of_their_columns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each row is a step of a configuration; the answers come back by configuration and step."""
    network = _Network()
    monkeypatch.setattr(surrogates, "_surrogate", lambda _folder: network)
    lcbench = surrogates.LCBench(tmp_path, "t")
    configs = random_configs(lcbench.space, 2, seed=0)
    values, times = lcbench.curves(configs)
    assert network.numbers[:, 0].tolist() == [1, 3, 9, 27, 52] * 2
    assert network.numbers[5, 1:3].tolist() == pytest.approx([configs[1]["batch_size"], configs[1]["learning_rate"]])
    assert values.tolist() == [[1, 9, 17, 25, 33], [41, 49, 57, 65, 73]]
    assert (np.diff(times) > 0).all()
    xgboost = surrogates.XGBoost(tmp_path, "t")
    configs = random_configs(xgboost.space, 1, seed=0)
    _, times = xgboost.curves(configs)
    assert network.categories[0].tolist() == [7, 3, network.codes["num.impute.selected.cpo"][configs[0]["impute"]]]
    assert network.numbers[:, -2].tolist() == pytest.approx([1 / 27, 1 / 9, 1 / 3, 1])
    assert times[0].tolist() == pytest.approx([30 / 27, 30 / 9, 10, 30])


def _row(config: int, seed: int, params: dict[str, Any]) -> str:
    values = [config + seed / 10 + epoch / 1000 for epoch in range(EPOCHS)]
    line = {"config": config, "seed": seed, **params, "val_accuracy": values, "time_s": list(range(EPOCHS))}
    return json.dumps(line) + "\n"


def test_digits_answer_with_the_nearest_of_the_table(tmp_path: Path) -> None:
    """A configuration has the curve of its seeds, and reports that of one; what is not finished is left out."""
    pytest.importorskip("pyarrow")
    configs = random_configs(SPACE, 5, seed=3)
    lines = [_row(config, seed, params) for config, params in enumerate(configs) for seed in range(SEEDS)]
    rows, table = tmp_path / "rows.jsonl", tmp_path / "digits.parquet"
    rows.write_text("".join(lines[:-1]), encoding="utf-8")
    assert digits_table.write_table(rows, table) == 4
    digits = Digits(2, table)
    values, times = digits.curves(configs)
    assert values[:4, 0].tolist() == pytest.approx([0.1, 1.1, 2.1, 3.1])
    assert values[4, 0] < 4
    assert digits.reported(configs, values)[:4, 0].tolist() == pytest.approx([0.2, 1.2, 2.2, 3.2])
    assert times[0].tolist() == list(range(EPOCHS))


def test_an_absent_table_is_named(tmp_path: Path) -> None:
    """The message says which script makes it."""
    with pytest.raises(SystemExit, match=r"absent\.parquet is not there; .*digits_table"):
        Digits(0, tmp_path / "absent.parquet").goal()


def test_the_table_goes_on_where_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings that have their line are not repeated, and each line has a value and a time of every epoch."""
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    monkeypatch.setattr(digits_table, "EPOCHS", 2)
    rows = tmp_path / "rows.jsonl"
    assert digits_table.extend(rows, configs=1, minutes=0) == 0
    rows.write_text("a line\n" * 2, encoding="utf-8")
    assert digits_table.extend(rows, configs=1, minutes=1) == 3
    line = json.loads(rows.read_text(encoding="utf-8").splitlines()[2])
    assert (line["config"], line["seed"], len(line["val_accuracy"])) == (0, 2, 2)
    assert 0 < line["time_s"][0] < line["time_s"][1]
