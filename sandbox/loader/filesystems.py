"""File systems on which changes made elsewhere bring no event: by what the system says of its mounts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

# Network mounts and folders shared with a host: what another machine writes, or the host of a virtual machine or of a
# container, is not told to the kernel that watches. 9p is WSL's /mnt/c as well.
_SILENT = re.compile(
    r"9p|nfs\d?|cifs|smb\w*|smbfs|ncpfs|afs|ceph|glusterfs|lustre|vboxsf|vmhgfs|prl_fs|virtiofs|drvfs|fakeowner|osxfs"
    r"|fuse\.(?!ntfs|exfat|ext2|bindfs|overlay|fuse-overlayfs|gvfsd|portal).*"
)
_ESCAPE = re.compile(r"\\([0-7]{3})")
MOUNTS = Path("/proc/self/mountinfo")


def silent_folder(folders: Iterable[Path], mounts: str | None = None) -> tuple[Path, str] | None:
    """The first folder that lies on such a file system, and what that is called; None where all have events.

    `mounts` is the text of /proc/self/mountinfo (proc(5)); where the system has none, all count as having events.
    """
    if mounts is None:
        try:
            mounts = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return None
    kinds = dict(_parse(mounts))
    if not any(_SILENT.fullmatch(kind) for kind in kinds.values()):
        return None
    for folder in folders:
        real = Path(os.path.realpath(folder))
        kind = next((kinds[place] for each in (real, *real.parents) if (place := str(each)) in kinds), "")
        if _SILENT.fullmatch(kind):
            return folder, kind
    return None


def _parse(mounts: str) -> Iterable[tuple[str, str]]:
    """(mount point, type) of each mount; a later one hides an earlier one at the same place."""
    for line in mounts.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split(" ")
        if dash and len(fields) > 4:
            yield _ESCAPE.sub(lambda found: chr(int(found[1], 8)), fields[4]), after.split(" ")[0]
