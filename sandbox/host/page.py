"""The page at `/` that lists what runs here."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from sandbox.host.errors import PAGE_CSP, PlainAnswer, html_page


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """One worker of the list. `state` is a word such as "ready", "stale" or "failed"."""

    name: str
    url: str
    state: str = "ready"


@dataclass(frozen=True, slots=True)
class Overview:
    """What the page shows. `pipelines` are names with descriptions."""

    title: str = "Workers sandbox"
    workers: tuple[WorkerLine, ...] = ()
    pipelines: tuple[tuple[str, str], ...] = ()


def overview_page(overview: Overview) -> PlainAnswer:
    """The overview as HTML."""
    workers = "".join(
        f'<li><a href="{escape(worker.url)}">{escape(worker.name)}</a> ({escape(worker.state)})</li>'
        for worker in overview.workers
    )
    pipelines = "".join(
        f"<li><b>{escape(name)}</b> {escape(description)}</li>" for name, description in overview.pipelines
    )
    content = (
        f"<h1>{escape(overview.title)}</h1>"
        f"<h2>Workers</h2>{f'<ul>{workers}</ul>' if workers else '<p>None.</p>'}"
        f"<h2>Pipelines</h2>{f'<ul>{pipelines}</ul>' if pipelines else '<p>None.</p>'}"
        '<p><a href="/health">health</a>, <a href="/api/workers">workers</a>, '
        '<a href="/api/pipelines">pipelines</a>, <a href="/api/executions">executions</a> as JSON</p>'
    )
    headers = [("content-type", "text/html; charset=utf-8"), ("content-security-policy", PAGE_CSP)]
    return PlainAnswer(200, headers, html_page(overview.title, content))
