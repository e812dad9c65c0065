"""Where notifications do not reach, and what happens when the system has no more of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from watchfiles._rust_notify import WatchfilesRustInternalError

from sandbox.loader import notices
from sandbox.loader.filesystems import silent_folder
from sandbox.loader.notices import LIMIT_HINT, Notices

MOUNTS = r"""22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:44 / /mnt/c rw,noatime - 9p C:\134 rw,dirsync
31 22 0:45 / /srv/nfs\040share rw - nfs4 server:/x rw
32 22 0:46 / /home/me/remote rw - fuse.sshfs me@there:/ rw
33 22 0:47 / /media/stick rw - fuse.ntfs-3g /dev/sdb1 rw
34 22 0:48 / /vagrant rw - vboxsf vagrant rw
35 32 0:49 / /home/me/remote/local rw - tmpfs tmpfs rw
36 22 0:50 / / rw - overlay overlay rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/me/project", None),
        ("/mnt/c/project", "9p"),
        ("/mnt/cd", None),
        ("/srv/nfs share/a", "nfs4"),
        ("/home/me/remote", "fuse.sshfs"),
        ("/home/me/remote/local/x", None),
        ("/media/stick/x", None),
        ("/vagrant", "vboxsf"),
    ],
)
def test_file_systems_that_do_not_tell(folder, kind):
    found = silent_folder([Path("/opt/x"), Path(folder)], MOUNTS)
    assert found == (None if kind is None else (Path(folder), kind))


def test_this_machine_is_looked_up_too(tmp_path):
    assert silent_folder([tmp_path]) is None or silent_folder([tmp_path])[1]


@pytest.mark.parametrize(
    "error",
    [
        OSError("OS file watch limit reached. about [...]"),
        WatchfilesRustInternalError("Error creating recommended watcher: Too many open files (os error 24)"),
    ],
)
async def test_watches_that_are_used_up_are_said_and_polling_goes_on(tmp_path, monkeypatch, events, error):
    def used_up(*folders, **options):
        raise error

    monkeypatch.setattr(notices, "awatch", used_up)
    monkeypatch.setenv("WATCHFILES_POLL_DELAY_MS", "5")
    told = Notices(events.emit)
    source = told.of([tmp_path])
    waiting = asyncio.ensure_future(anext(source))
    async with asyncio.timeout(20):
        while not events.of("watch"):
            await asyncio.sleep(0.001)
        while not waiting.done():  # the first look may come after the first file
            (tmp_path / f"x{len(list(tmp_path.iterdir()))}").touch()
            await asyncio.sleep(0.02)
    assert all(str(tmp_path) in path for _, path in waiting.result())
    (event,) = events.of("watch")
    assert event["hint"] == LIMIT_HINT and "no more file watches" in event["reason"]
    assert "limit reached" in event["reason"] or "Too many open files" in event["reason"]
    await source.aclose()


async def test_a_silent_file_system_is_polled_unless_told_otherwise(tmp_path, monkeypatch, events):
    monkeypatch.setattr(notices, "silent_folder", lambda folders: (folders[0], "9p"))
    told = Notices(events.emit)
    source = told.of([tmp_path])
    task = asyncio.ensure_future(anext(source))
    async with asyncio.timeout(20):
        while not told.polling:
            await asyncio.sleep(0.001)
    task.cancel()
    assert "file system (9p)" in events.of("watch")[0]["reason"]
    monkeypatch.setenv("WATCHFILES_FORCE_POLLING", "false")
    assert not Notices(events.emit).polling


async def test_a_system_without_events_is_found_by_trying(tmp_path, monkeypatch, events):
    assert await Notices(events.emit).test_events(tmp_path)
    assert list(tmp_path.iterdir()) == [] and events == []
    monkeypatch.setattr(notices, "_brings_event", lambda scratch: False)
    told = Notices(events.emit)
    assert not await told.test_events(tmp_path)
    assert told.polling and "brings no event" in events.of("watch")[0]["reason"]
