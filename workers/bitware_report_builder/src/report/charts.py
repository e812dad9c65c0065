"""Inline SVG: bars over time and bars by name. Plain shapes that take their colours from the page and print well."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from report.trend import Bucket

MOST_LETTERS = 22


def columns(row: Sequence[Bucket], title: str) -> Markup:
    """Items over time, a column a bucket, every column with its number; labels thin out where they would touch."""
    width, height, base, top = 640, 190, 150, 34
    most = max((len(bucket.items) for bucket in row), default=0) or 1
    step = (width - 16) / max(1, len(row))
    every = -(-len(row) // 6)  # six labels fit beside each other, on a phone as well
    shapes = []
    for at, bucket in enumerate(row):
        tall = (base - top) * len(bucket.items) / most
        x = 8 + at * step
        middle = x + step / 2
        bar = max(3.0, min(step * 0.72, 46))
        shapes.append(
            Markup(
                '<g><title>{}: {}</title><rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="2"/></g>'
            ).format(bucket.label, len(bucket.items), middle - bar / 2, base - tall, bar, tall)
        )
        if bucket.items:
            shapes.append(
                Markup('<text class="value" x="{:.1f}" y="{:.1f}">{}</text>').format(
                    middle, base - tall - 6, len(bucket.items)
                )
            )
        if at % every == 0:
            x = min(max(middle, 40.0), width - 40.0)
            shapes.append(Markup('<text class="label" x="{:.1f}" y="{}">{}</text>').format(x, base + 26, bucket.label))
    return Markup(
        '<svg class="chart columns" viewBox="0 0 {w} {h}" role="img" aria-label="{title}"><line class="axis" x1="8" x2="{x2}" y1="{base}" y2="{base}"/>{shapes}</svg>'
    ).format(w=width, h=height, title=title, x2=width - 8, base=base, shapes=Markup("").join(shapes))


def rows(values: Sequence[tuple[str, int]], title: str) -> Markup:
    """Names with horizontal bars, in the order given. Long names are cut, and whole in the tooltip."""
    width, line, left = 420, 26, 190
    most = max((number for _, number in values), default=0) or 1
    shapes = []
    for at, (name, number) in enumerate(values):
        y = at * line
        long = max(3.0, (width - left - 34) * number / most)
        short = name if len(name) <= MOST_LETTERS else name[: MOST_LETTERS - 1].rstrip(" |-–") + "…"
        shapes.append(
            Markup(
                '<g><title>{}: {}</title><text class="name" x="{}" y="{}">{}</text>'
                '<rect class="bar" x="{}" y="{}" width="{:.1f}" height="15" rx="2"/><text class="count" x="{:.1f}" y="{}">{}</text></g>'
            ).format(name, number, left - 10, y + 16, short, left, y + 4, long, left + long + 7, y + 16, number)
        )
    return Markup('<svg class="chart" viewBox="0 0 {w} {h}" role="img" aria-label="{title}">{shapes}</svg>').format(
        w=width, h=max(line, len(values) * line), title=title, shapes=Markup("").join(shapes)
    )
