"""The report in a real browser, driven over the DevTools protocol: it fits a phone and a desk, and asks for nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def report(project):
    """The report of the sample newsroom, made by the real command."""
    out = project.root / "out"
    done = project.sandbox("run", "topic_report", "--persist-to", str(project.state), "--out", str(out), cwd=ROOT)
    assert done.code == 0, done.err
    return out / "report.html"


@pytest.mark.parametrize("width", [390, 1440])
async def test_it_fits_and_asks_for_nothing(browser, report, width):
    tab = await browser.opened(report.as_uri(), width)
    assert await tab.value("document.documentElement.scrollWidth") <= width
    assert tab.requests == [report.as_uri()]
    assert tab.complaints == []
    assert await tab.value("document.querySelectorAll('svg.chart').length") >= 2
    assert await tab.value("document.querySelectorAll('ol.articles > li').length") >= 5
    # Every mark of a sentence leads to an article that is on the page.
    assert await tab.value("[...document.querySelectorAll('a.cite')].every(a => document.querySelector(a.hash))")
    # Nothing is so small that it cannot be read.
    smallest = await tab.value(
        "Math.min(...[...document.querySelectorAll('p, h3, li, svg text')].map(e => {"
        " const r = e.getBoundingClientRect(); const f = parseFloat(getComputedStyle(e).fontSize);"
        " const s = e.ownerSVGElement; return s ? f * s.getBoundingClientRect().width / s.viewBox.baseVal.width : f; }))"
    )
    assert smallest >= 9.5
