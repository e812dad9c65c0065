"""The order of a pipeline's stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def find_cycle(needs: Mapping[str, Sequence[str]]) -> list[str] | None:
    """A way round in `needs` as `[a, b, a]` (a needs b, b needs a), or None."""
    done: set[str] = set()
    for start in needs:
        trail: list[str] = []
        place: dict[str, int] = {}
        todo = [(start, iter(needs[start]))] if start not in done else []
        if todo:
            place[start] = 0
            trail.append(start)
        while todo:
            name, rest = todo[-1]
            following = next(rest, None)
            if following is None:
                todo.pop()
                trail.pop()
                del place[name]
                done.add(name)
            elif following in place:
                return [*trail[place[following] :], following]
            elif following in needs and following not in done:
                place[following] = len(trail)
                trail.append(following)
                todo.append((following, iter(needs[following])))
    return None


def in_order(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """The names with each after all it needs, otherwise as they were. There must be no cycle."""
    ordered: dict[str, None] = {}
    left = list(needs)
    while left:
        ready = next(name for name in left if all(need in ordered or need not in needs for need in needs[name]))
        ordered[ready] = None
        left.remove(ready)
    return list(ordered)
