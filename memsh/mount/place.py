"""Where a box can be mounted, and what is in the way. Each refusal is one line that says which and what to do."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from memsh.digits import is_digits
from memsh.shell.errors import ShellError

TYPE = "fuse.memsh"
LIBRARY = "libfuse3.so.3"


class MountPoint(NamedTuple):
    """A row of /proc/self/mountinfo."""

    path: str
    kind: str
    options: frozenset[str]


def _plain(word: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        word = word.replace(code, char)
    return word


def mounts() -> list[MountPoint]:
    """What is mounted for this process, in order."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines():
        left, _, right = line.partition(" - ")
        words = left.split(" ")
        found.append(MountPoint(_plain(words[4]), right.split(" ")[0], frozenset(words[5].split(","))))
    return found


def needs() -> None:
    """ShellError if something that a mount takes is missing."""
    import ctypes  # start-up: 2 ms, for a mount alone

    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        raise ShellError("libfuse3 is missing (Debian: apt install libfuse3-3 fuse3)") from None
    try:
        os.environ.setdefault("FUSE_LIBRARY_PATH", LIBRARY)
        import mfusepy  # noqa: F401  -- it may be missing
    except ImportError:
        raise ShellError("mfusepy is missing: pip install 'memsh[mount]'") from None
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except FileNotFoundError:
        raise ShellError("/dev/fuse is missing: modprobe fuse (in a container: --device /dev/fuse)") from None
    except OSError as error:
        raise ShellError(f"/dev/fuse: {error.strerror} (chmod 666 /dev/fuse, as root, lets every user mount)") from None
    if os.geteuid() and shutil.which("fusermount3") is None:
        raise ShellError("fusermount3 is missing, and only root mounts without it (Debian: apt install fuse3)")


def unmount(folder: str) -> None:
    """Take a mount away, even if somebody is in it."""
    command = ["fusermount3", "-u", "-z", "-q", folder] if shutil.which("fusermount3") else ["umount", "-l", folder]
    subprocess.run(command, capture_output=True, check=False)


def prepare(folder: str) -> bool:
    """Make `folder` fit to be mounted on: whether it had to be made. What a killed memsh left there is cleaned away.

    ShellError: not a directory, not empty, a memsh's already or inside one.
    """
    made = False
    try:
        Path(folder).stat()
    except OSError as error:
        if error.errno == errno.ENOTCONN:
            unmount(folder)
            sys.stderr.write(f"memsh: {folder}: nobody served this mount any more; it is cleaned away\n")
        elif error.errno == errno.ENOENT:
            try:
                Path(folder).mkdir(mode=0o700)
            except OSError as worse:
                raise ShellError(f"{folder}: {worse.strerror}") from None
            made = True
        else:
            raise ShellError(f"{folder}: {error.strerror}") from None
    real = os.path.realpath(folder)
    for point in mounts():
        if point.kind == TYPE and point.path == real:
            raise ShellError(f"{folder}: another memsh is mounted there")
        if point.kind == TYPE and real.startswith(point.path.rstrip("/") + "/"):
            raise ShellError(f"{folder}: lies inside the mount of a memsh, {point.path}")
    try:
        if any(Path(real).iterdir()):
            raise ShellError(f"{folder}: is not empty")
    except OSError as error:
        raise ShellError(f"{folder}: {error.strerror}") from None
    return made


def runtime_folder() -> Path:
    """The folder of this user's sockets and private mounts, mode 0700. ShellError if it is somebody else's."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    above = "/run" if os.access("/run", os.W_OK) else tempfile.gettempdir()
    folder = Path(base) / "memsh" if base else Path(above) / f"memsh-{os.getuid()}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=False)
    try:
        status = folder.lstat()
    except OSError as error:
        raise ShellError(f"{folder}: {error.strerror}") from None
    if not stat.S_ISDIR(status.st_mode):
        raise ShellError(f"{folder}: is not a directory")
    if status.st_uid != os.getuid():
        raise ShellError(f"{folder}: belongs to another user")
    if stat.S_IMODE(status.st_mode) != 0o700:
        raise ShellError(f"{folder}: has mode {stat.S_IMODE(status.st_mode):o} where 700 is wanted")
    return folder


def private_folder() -> Path:
    """A new folder for one memsh; those that ended without cleaning up are cleaned away."""
    above = runtime_folder()
    for old in above.iterdir():
        if is_digits(old.name) and not Path(f"/proc/{old.name}").exists():
            unmount(str(old / "box"))
            shutil.rmtree(old, ignore_errors=True)
    folder = above / str(os.getpid())
    if folder.exists():
        unmount(str(folder / "box"))
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder
