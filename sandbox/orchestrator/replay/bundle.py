"""The file an execution travels in: a zip archive of `execution.json` and of bodies by their sha256. Pure.

What is read comes from anybody: names, sizes and contents are checked before anything is believed, and nothing is ever
written to a path the file names.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sandbox.orchestrator.codec as codec
from sandbox.errors import UserError
from sandbox.orchestrator.references import sha256

FORMAT = "workers-sandbox execution"
VERSION = 1
MAX_FILE = 100 * 1024 * 1024
"""Bytes of the file itself."""
MAX_UNPACKED = 256 * 1024 * 1024
"""Bytes of everything in it, unpacked."""
MAX_MEMBERS = 50_000
_MAIN = "execution.json"
_BODY = re.compile(r"content/([0-9a-f]{64})")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_SOME_TIME = (1980, 1, 1, 0, 0, 0)


class BadBundle(UserError):
    """The file is no exported execution, or not a whole one."""

    code = "bad_bundle"


@dataclass(frozen=True, slots=True)
class Bundle:
    """`document` is execution.json; `bodies` are by sha256."""

    document: Mapping[str, Any]
    bodies: Mapping[str, bytes]


def pack(bundle: Bundle) -> bytes:
    """The file. The same bundle gives the same bytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        document = {"format": FORMAT, "version": VERSION, **bundle.document}
        _add(archive, _MAIN, codec.dumps(document))
        for digest in sorted(bundle.bodies):
            _add(archive, f"content/{digest}", bundle.bodies[digest])
    return made.getvalue()


def unpack(data: bytes) -> Bundle:
    """What the file holds, checked. Raises BadBundle."""
    if len(data) > MAX_FILE:
        raise BadBundle(f"the file is over {MAX_FILE // 2**20} MiB")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = _members(archive)
            left = MAX_UNPACKED
            bodies: dict[str, bytes] = {}
            document: Any = None
            for name, member in members.items():
                content = _read(archive, member, left)
                left -= len(content)
                if name == _MAIN:
                    document = _document(content)
                elif sha256(content) != name.removeprefix("content/"):
                    raise BadBundle(f"{name} does not hold what its name says: the file is damaged")
                else:
                    bodies[name.removeprefix("content/")] = content
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise BadBundle(
            f"the file is no exported execution: {error}", hint="`sandbox executions export` writes one"
        ) from None
    return Bundle(document, bodies)


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise BadBundle(f"the file holds {len(infos)} members, {MAX_MEMBERS} are allowed")
    for info in infos:
        if info.filename in members or not (info.filename == _MAIN or _BODY.fullmatch(info.filename)):
            raise BadBundle(f"the file holds {info.filename[:100]!r}, which is no part of an exported execution")
        if info.flag_bits & 0x1 or info.compress_type not in _METHODS:
            raise BadBundle(f"{info.filename} is packed in a way that is not read")
        members[info.filename] = info
    if _MAIN not in members:
        raise BadBundle(f"the file has no {_MAIN}", hint="`sandbox executions export` writes one")
    return members


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    """Never more than `most` bytes, whatever the archive says of itself."""
    with archive.open(member) as source:
        content = source.read(most + 1)
    if len(content) > most:
        raise BadBundle(f"the file unpacks to more than {MAX_UNPACKED // 2**20} MiB")
    return content


def _document(content: bytes) -> dict[str, Any]:
    try:
        document = codec.loads(content, _MAIN)
    except codec.BadJson as error:
        raise BadBundle(error.message) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise BadBundle(f"{_MAIN} is not that of an exported execution")
    version = document.get("version")
    if version != VERSION:
        raise BadBundle(
            f"the file has version {version!r} of the format, this sandbox reads {VERSION}",
            hint="a newer sandbox wrote it: update this one",
        )
    return document


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, _SOME_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    archive.writestr(info, content)
