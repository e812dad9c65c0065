"""Cassettes as files, in vcrpy's format: YAML, one `interactions` list, bodies as text where they are text.

Ours differ in nothing that its readers mind: `response.body` may say `layout` (how to get the very bytes of indented
JSON or of text with CRLF back) and `content_encoding` (the header a decoded body came with).
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from http import HTTPStatus
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from yaml.emitter import ScalarAnalysis

from sandbox.egress.cassettes.content import readable, restored
from sandbox.egress.cassettes.recording import Answered, Asked, Pairs, Recording
from sandbox.egress.inflate import decode_whole
from sandbox.errors import UserError

HEAD = "# Recorded outbound calls (vcrpy's format). Secrets were taken out before this was written.\n"
ENDINGS = (".yaml", ".yml")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What a literal block may hold, tabs and blanks at line ends included (PyYAML itself would quote those).
_PLAIN_TEXT = re.compile("[\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*")


class CassetteBroken(UserError):
    """A cassette cannot be read."""

    code = "cassette_broken"


def file_name(origin: str) -> str:
    """`api.example.com.yaml`, or `api.example.com_8443.yaml`: one file per host."""
    host = origin.partition("://")[2]
    return re.sub(r"[^a-z0-9.\-]+", "_", host.lower()).strip("_") + ENDINGS[0]


def read(path: Path, shown: str) -> list[Recording]:
    """The recordings of a file. Raises CassetteBroken."""
    try:
        document = _plain_data(path.read_bytes())
        interactions = document["interactions"] if document else []
        return [Recording(_asked(one["request"]), _answered(one["response"]), shown) for one in interactions or []]
    except OSError as error:
        raise CassetteBroken(f"{shown} cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where is not None else ""
        what = getattr(error, "problem", None) or "it does not parse"
        raise CassetteBroken(f"{shown}{line}: {what}", hint="mend it, or delete it and record again") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CassetteBroken(
            f"{shown} is no cassette: {type(error).__name__} {error}", hint="mend it, or delete it and record again"
        ) from None


def text_of_one(recording: Recording) -> str:
    """A recording as an item of the file's list."""
    asked, answered = recording.asked, recording.answered
    body, layout = readable(answered.body, _content_type(answered.headers))
    encoding = next((value for name, value in answered.headers if name == "content-encoding"), None)
    extra = {"layout": layout, "content_encoding": encoding}
    item = {
        "request": {
            "method": asked.method,
            "uri": asked.url,
            "headers": _lists(asked.headers),
            "body": readable(asked.body, asked.content_type)[0] if asked.body else None,
        },
        "response": {
            "status": {"code": answered.status, "message": _phrase(answered.status)},
            "headers": _lists(pair for pair in answered.headers if pair[0] != "content-encoding"),
            "body": {"string": body, **{name: value for name, value in extra.items() if value is not None}},
        },
    }
    stream = StringIO()
    yaml.dump([item], stream, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10_000)
    return stream.getvalue()


def write(path: Path, items: Iterable[str]) -> bool:
    """Write a file from its items, whole or not at all. False where it says this already."""
    text = "".join((HEAD, "version: 1\ninteractions:\n", *items)).encode()
    if path.is_file() and path.read_bytes() == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text)
        Path(temporary).chmod(0o644)  # mkstemp's are for the owner alone; these are for everybody who has the project
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True


def _plain_data(content: bytes) -> Any:
    """What YAML says, as values of Python's own types: by the safe loader, the one written in C where there is one."""
    loader = _LOADER(content)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Bodies of several lines as literal blocks, lists indented by nothing, no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def analyze_scalar(self, scalar: str) -> ScalarAnalysis:
        if "\n" in scalar and _PLAIN_TEXT.fullmatch(scalar):
            return ScalarAnalysis(
                scalar=scalar,
                empty=False,
                multiline=True,
                allow_flow_plain=False,
                allow_block_plain=False,
                allow_single_quoted=False,
                allow_double_quoted=True,
                allow_block=True,
            )
        return super().analyze_scalar(scalar)

    def determine_block_hints(self, text: str) -> str:
        hints: str = super().determine_block_hints(text)
        # How far a block is indented cannot be seen from a first line that begins with a tab.
        return hints if not text.startswith("\t") else f"{self.best_indent}{hints}"

    def write_literal(self, text: str) -> None:
        super().write_literal(text)
        self.open_ended = False  # what follows is the next item of the list, not the end of the document


def _text_node(dumper: yaml.SafeDumper, text: str) -> Any:
    # Line ends that only YAML 1.1 takes for some are lost between quotes of the single kind.
    style = '"' if not _PLAIN_TEXT.fullmatch(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text_node)


def _asked(request: dict[str, Any]) -> Asked:
    headers = _pairs(request.get("headers"))
    body = request.get("body")
    if isinstance(body, dict):  # some serializers nest it as the response's is
        body = body.get("string")
    return Asked(str(request["method"]).upper(), str(request.get("uri") or request["url"]), headers, _bytes(body))


def _answered(response: dict[str, Any]) -> Answered:
    status, body = response["status"], response.get("body") or {}
    headers = _pairs(response.get("headers"))
    layout, encoding = (body.get(name) for name in ("layout", "content_encoding"))
    content = restored(_bytes_or_text(body.get("string")), layout)
    given = next((value.strip().lower() for name, value in headers if name == "content-encoding"), None)
    if given is not None:  # others keep the body as it came, or decode it and leave the header
        content = decode_whole(content, given)
    elif encoding is not None:
        headers = (*headers, ("content-encoding", str(encoding)))
    return Answered(int(status["code"] if isinstance(status, dict) else status), headers, content)


def _pairs(headers: Any) -> Pairs:
    found: list[tuple[str, str]] = []
    for name, values in (headers or {}).items():
        given = values if isinstance(values, list | tuple) else [values]
        found += [(str(name).lower(), value.decode() if isinstance(value, bytes) else str(value)) for value in given]
    return tuple(found)


def _lists(headers: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """By name, so that the order in which a server happens to send them is no difference."""
    found: dict[str, list[str]] = {}
    for name, value in sorted(headers, key=lambda pair: pair[0]):
        found.setdefault(name, []).append(value)
    return found


def _bytes(body: Any) -> bytes:
    found = _bytes_or_text(body)
    return found if isinstance(found, bytes) else found.encode()


def _bytes_or_text(body: Any) -> bytes | str:
    if body is None:
        return b""
    return body if isinstance(body, bytes | str) else str(body)


def _content_type(headers: Pairs) -> str:
    return next((value for name, value in headers if name == "content-type"), "")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
