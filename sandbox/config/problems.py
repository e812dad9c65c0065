"""Every problem of the configuration in one go: a list that the readers fill, and the error that carries it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from sandbox.config.models import Problem
from sandbox.errors import UserError


class ConfigError(UserError):
    """The configuration cannot be used. `problems` holds everything found, errors first, each with file and key."""

    code = "config_error"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.severity))
        errors = [problem for problem in self.problems if problem.severity == "error"]
        count = "1 problem" if len(errors) == 1 else f"{len(errors)} problems"
        super().__init__("\n".join([f"The configuration has {count}:", *(f"  {problem}" for problem in errors)]))


class Problems:
    """Collects problems; reading goes on after each, so that one run shows all of them."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def error(self, file: Path, key: str, message: str, hint: str | None = None) -> None:
        """Something that keeps the sandbox from starting."""
        self.found.append(Problem("error", file, key, message, hint))

    def warning(self, file: Path, key: str, message: str, hint: str | None = None) -> None:
        """Something that is ignored, or will surprise on Cloudflare."""
        self.found.append(Problem("warning", file, key, message, hint))

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.found if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.found if problem.severity == "warning")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """`did you mean "..."?` for the closest of the known names, None when nothing is close. Case does not count."""
    names = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), names, n=1, cutoff=0.6)
    return f'did you mean "{names[close[0]]}"?' if close else None


def choices(word: str, **known: Iterable[str]) -> str:
    """A hint about a name that is none: the nearest one, else all there are (`pipelines: a, b; workers: c`)."""
    there = {kind: sorted(set(names)) for kind, names in known.items()}
    return nearest(word, [name for names in there.values() for name in names]) or "; ".join(
        f"{kind.replace('_', ' ')}: {', '.join(names) or 'none'}" for kind, names in there.items()
    )
