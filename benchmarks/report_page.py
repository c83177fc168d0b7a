# SPDX-License-Identifier: MIT
"""How long does the report page of a large study take, how large is it, and does a browser stay fluent on it?

    python benchmarks/report_page.py [--trials 10000] [--steps 50] [--browser]

The study is made in memory, so opening a storage is not in it. With --browser, Chromium without a window opens the
page, which wants Playwright and the program chromium: it scrolls, brushes an axis, sorts and searches, and the longest
task of each is shown in milliseconds. WebGL is drawn by the processor there, which is much slower than any GPU.
"""

import argparse
import math
import random
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
from measuring import machine, table
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from hyperopt_app.page.page import write_page

SPACE: dict[str, BaseDistribution] = {
    "lr": FloatDistribution(1e-5, 1e-1, log=True),
    "width": IntDistribution(16, 512, log=True),
    "dropout": FloatDistribution(0.0, 0.6),
    "decay": FloatDistribution(1e-6, 1e-2, log=True),
    "optimizer": CategoricalDistribution(["adam", "lamb", "sgd"]),
    "augment": CategoricalDistribution([True, False]),
}
WORKERS = 16
_BEGUN = datetime(2026, 11, 1)  # noqa: DTZ001 - Optuna stamps trials without a time zone


def made_study(n_trials: int, n_steps: int) -> optuna.Study:
    """Make a study of random points: three quarters complete, the others pruned, one in twenty failed."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    draw = random.Random(0)
    study = optuna.create_study(study_name="large")
    study.add_trials([made_trial(number, n_steps, draw) for number in range(n_trials)])
    return study


def made_trial(number: int, n_steps: int, draw: random.Random) -> FrozenTrial:
    """Make a trial with a falling curve."""
    point = {
        "lr": 10 ** draw.uniform(-5, -1),
        "width": draw.randint(16, 512),
        "dropout": draw.uniform(0.0, 0.6),
        "decay": 10 ** draw.uniform(-6, -2),
        "optimizer": draw.choice(["adam", "lamb", "sgd"]),
        "augment": draw.random() < 0.5,
    }
    loss = 0.02 + 0.08 * (math.log10(point["lr"]) + 2.6) ** 2 + 0.1 * point["dropout"] ** 2 + 0.02 * draw.random()
    chance, steps, state = draw.random(), n_steps, TrialState.COMPLETE
    if chance < 0.25:
        state, steps = (TrialState.FAIL, 1) if chance < 0.05 else (TrialState.PRUNED, max(1, n_steps // 4))
    worker = number % WORKERS
    attributes: dict[str, Any] = {
        "claim": {"number": worker, "host": "node", "worker": f"{worker}-node-1-abcdef"},
        "directory": f"/scratch/studies/large/trials/{number}",
    }
    if state == TrialState.FAIL:
        attributes["failure"] = {"kind": "oom", "error": f"out of memory in trial {number}", "traceback": "line\n" * 30}
    trial = create_trial(
        state=state,
        value=loss if state == TrialState.COMPLETE else None,
        params=point,
        distributions=SPACE,
        intermediate_values={step: loss + math.exp(-0.1 * step) * draw.random() for step in range(steps)},
        user_attrs=attributes,
    )
    trial.datetime_start = _BEGUN + timedelta(seconds=600 * (number // WORKERS))
    trial.datetime_complete = trial.datetime_start + timedelta(seconds=590 * steps / n_steps)
    return trial


def longest_tasks_ms(page_file: Path) -> dict[str, int]:
    """Use the page in Chromium; return the longest task of each use, 0 for none above 50 ms."""
    from playwright.sync_api import sync_playwright

    longest: dict[str, int] = {}
    drawing = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=drawing)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(300_000)
        began = time.monotonic()
        page.goto(page_file.as_uri())
        page.wait_for_selector("html[data-ready=yes]", state="attached")
        longest["until all is drawn"] = round(1000 * (time.monotonic() - began))
        page.evaluate(
            "window.tasks = []; new PerformanceObserver((all) => tasks.push(...all.getEntries().map(t => t.duration)))"
            ".observe({ entryTypes: ['longtask'] })"
        )

        def ended(use: str) -> None:
            page.wait_for_timeout(1000)
            longest[use] = round(page.evaluate("Math.max(0, ...tasks.splice(0))"))

        for _ in range(20):
            page.mouse.wheel(0, 300)
        ended("scrolling")
        axis = page.locator("#parallel .axis-brush .background").first
        axis.scroll_into_view_if_needed()
        box: Any = axis.bounding_box()
        page.mouse.move(box["x"] + 5, box["y"] + 80)
        ended("to the axis")
        page.mouse.down()
        page.mouse.move(box["x"] + 5, box["y"] + 180, steps=8)
        ended("brushing")
        page.mouse.up()
        ended("filtering by the brush")
        page.locator("#table .dtcc-button_order").first.click()
        ended("sorting")
        page.locator("#table .dt-search input").fill("adam")
        ended("searching")
        browser.close()
    return longest


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--browser", action="store_true")
    options = parser.parse_args()
    print(machine())
    study = made_study(options.trials, options.steps)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wall, cpu = time.monotonic(), time.process_time()
        print(*write_page(study, Path("/scratch/studies/large"), folder), sep="\n")
        rows = [
            ["writing it, s", f"{time.monotonic() - wall:.1f}"],
            ["of the processor, s", f"{time.process_time() - cpu:.1f}"],
        ]
        page = folder / "report.html"
        rows.append(["its size, MB", f"{page.stat().st_size / 1e6:.1f}"])
        if options.browser:
            rows += [[f"{use}, ms", str(longest)] for use, longest in longest_tasks_ms(page).items()]
    print(table(["", f"{options.trials} trials of {options.steps} steps"], rows))


if __name__ == "__main__":
    main()
