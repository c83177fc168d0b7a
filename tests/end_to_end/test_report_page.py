# SPDX-License-Identifier: MIT
"""The report page in Chromium: it opens, is brushed, sorted and clicked, and shows hostile texts as texts."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from tests.end_to_end._shown_study import chromium, shown_study, written_page
from tests.unit._made_trials import made, study_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
HOSTILE = "</script><img src=x onerror=\"document.title='taken'\">"
Opened = Callable[..., Any]

# The absolute folder into which a picture of the page goes, for the docs.
PICTURES = os.environ.get("HYPEROPT_PICTURES")


@pytest.fixture
def opened(request: pytest.FixtureRequest) -> Iterator[Opened]:
    """Opens a page at a size and in a colour scheme, once all is drawn; at the end no error has been logged.

    A test with the parameter False has no WebGL.
    """
    faults: list[str] = []
    with chromium(webgl=getattr(request, "param", True)) as browser:

        def page_at(path: Path, width: int = 1280, scheme: str = "light") -> Any:
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page.set_default_timeout(60_000)
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
            page.on("request", lambda sent: faults.append(sent.url) if sent.url.startswith("http") else None)
            page.goto(path.as_uri())
            page.wait_for_selector("html[data-ready=yes]", state="attached")
            return page

        yield page_at
    assert faults == []


@pytest.fixture
def study_page(tmp_path: Path) -> Path:
    """The page of a study of 60 trials."""
    folder = tmp_path / "holodec"
    return written_page(shown_study(folder), folder)


without_webgl = pytest.mark.parametrize("opened", [False], indirect=True, ids=["without WebGL"])


def _middle(box: dict[str, float], share: float = 0.5) -> tuple[float, float]:
    return box["x"] + box["width"] / 2, box["y"] + share * box["height"]


def _shown_trials(page: Any) -> str:
    return str(page.locator(".dt-info").inner_text())


def test_a_study_is_looked_at(study_page: Path, opened: Opened) -> None:
    """A point is clicked, an axis brushed, the table sorted and searched, a row clicked and a log followed."""
    page = opened(study_page)
    _picture(page, "report.png")
    point = page.locator("#history .scatterlayer .point").nth(12)
    point.scroll_into_view_if_needed()
    page.mouse.click(*_middle(point.bounding_box()))
    assert page.locator("dialog[open] h2").inner_text().startswith("Trial ")
    assert page.locator("dialog .curve svg").count() or "failed" in page.locator("dialog h2").inner_text()
    page.keyboard.press("Escape")

    axis = page.locator("#parallel .axis-brush .background").first
    axis.scroll_into_view_if_needed()
    box = axis.bounding_box()
    page.mouse.move(*_middle(box, 0.3))
    page.mouse.down()
    page.mouse.move(*_middle(box, 0.5), steps=5)
    page.mouse.up()
    selected = page.locator("#table .selected")
    selected.wait_for(state="visible")
    count = int(selected.inner_text().split()[0])
    page.wait_for_function(f"document.querySelector('.dt-info').textContent.includes('of {count} trials (of 60)')")
    rates = page.evaluate("[...selected].map(n => report.parameters[0].values[rowOf.get(n)])")
    assert 0 < count < 60
    assert max(rates) / min(rates) < 10**1.5  # a fifth of four decades, with room for the ends
    selected.get_by_role("button").click()
    page.wait_for_function("document.querySelector('.dt-info').textContent.includes('of 60 trials')")

    first = page.locator("#trials tbody tr").first
    best = int(first.locator("td").first.inner_text())
    assert best == page.evaluate("report.best[0]")
    page.evaluate("table.order([[2, 'desc']]).draw()")
    assert first.locator("td").nth(2).inner_text() != "", "a trial without a value is not the best of a metric's table"
    page.locator("#table .dtcc-button_order").first.click()
    page.wait_for_function("document.querySelector('#trials tbody td').textContent === '0'")
    page.locator("#table .dt-search input").fill("OutOfMemory")
    page.wait_for_function("document.querySelector('.dt-info').textContent.includes('(of 60)')")
    first.locator("td").first.click()
    assert "oom" in page.locator("dialog[open]").inner_text()
    page.locator("dialog a", has_text="log").click()
    page.wait_for_url("**/app.log")
    assert "the log of trial" in page.content()


@without_webgl
def test_it_can_be_read_everywhere(study_page: Path, opened: Opened) -> None:
    """At both widths and in both schemes nothing is wider than the screen and every figure has the scheme's colours.

    Without WebGL all is drawn but the parallel coordinates, which say why not.
    """
    page = opened(study_page, 400, "dark")
    light, dark = "28, 29, 31", "232, 233, 235"
    for width, scheme, ink in ((400, "dark", dark), (400, "light", light), (1280, "dark", dark)):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(f"document.querySelector('#hours .xtick text').style.fill.includes('{ink}')")
        page.wait_for_function(f"document.querySelector('#hours .main-svg').clientWidth > 0.8 * {width - 90}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("[data-figure]:has(svg)").count() == 8
    assert "no WebGL" in page.locator("#parallel").inner_text()


def test_hostile_texts_are_shown_as_texts(tmp_path: Path, opened: Opened) -> None:
    """Names, choices, errors and checks run nothing and add nothing, in figures, table and panel."""
    study = optuna.create_study(study_name=HOSTILE)
    for number in range(24):
        point = {HOSTILE: HOSTILE if number % 2 else "<b>b</b>", "lr": number / 24}
        study.add_trial(made(params=point, values=[number % 7 + 0.5], number=number, curve={0: 1.0, 1: 0.5}))
    failure = {"kind": HOSTILE, "error": HOSTILE, "traceback": HOSTILE}
    study.add_trial(made(TrialState.FAIL, params={"lr": 0.5}, number=24, failure=failure, claim={"host": HOSTILE}))
    page = opened(written_page(study, tmp_path))
    point = page.locator("#history .scatterlayer .point").first
    point.scroll_into_view_if_needed()
    page.mouse.move(*_middle(point.bounding_box()))
    page.wait_for_selector(".hoverlayer text")
    for number in (1, 24):
        page.evaluate(f"showTrial({number})")
        assert HOSTILE in page.locator("dialog").inner_text()
    assert HOSTILE in page.locator("h1").inner_text()
    assert page.locator("#trials td", has_text="<img").count() > 0
    assert page.locator("img, b:not(.card b)").count() == 0
    assert page.title() == f"{HOSTILE}: report"


@without_webgl
def test_trials_that_do_not_count_are_not_in_the_history(tmp_path: Path, opened: Opened) -> None:
    """Whatever became of them: imported, discarded, tried again."""
    study = optuna.create_study()
    study.add_trials([made(values=[1.0], number=number) for number in range(3)])
    study.add_trials([made(TrialState.FAIL, number=3, failure={"kind": "bug"}), made(TrialState.FAIL, number=4)])
    study.add_trial(made(TrialState.PRUNED, number=5, curve={0: 2.0, 1: 3.0}))
    for number in (0, 4, 5):
        study.set_user_attr(f"discarded:{number}", "by hand")
    page = opened(written_page(study, tmp_path))
    page.locator("#history").scroll_into_view_if_needed()
    page.wait_for_selector("#history .scatterlayer .point")
    drawn = page.evaluate("document.querySelector('#history .js-plotly-plot').data.map(({name, x}) => [name, [...x]])")
    assert dict(drawn) == {"complete": [1, 2], "failed": [3], "best so far": [1, 3]}


@without_webgl
def test_other_kinds_of_studies_open(tmp_path: Path, opened: Opened) -> None:
    """Two objectives; a single trial, which has failed."""
    two, single = study_of("minimize", "maximize"), study_of()
    two.add_trials([made(values=[float(n), float(n % 5)], params={"a": n / 9}, number=n) for n in range(9)])
    single.add_trial(made(TrialState.FAIL))
    for name, study, figures in (("two", two, 5), ("single", single, 3)):
        (tmp_path / name).mkdir()
        page = opened(written_page(study, tmp_path / name))
        assert page.locator("[data-figure]").count() == figures
        page.close()


def _picture(page: Any, name: str) -> None:
    """Keep the upper part of the page, if somebody asks for it."""
    if PICTURES is not None:
        shown = {"x": 0, "y": 0, "width": 1280, "height": 1360}
        page.screenshot(path=Path(PICTURES) / name, full_page=True, clip=shown)
