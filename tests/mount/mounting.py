"""What the tests of the mount share: a memsh that serves a folder, and whether this machine can do that at all."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

MEMSH = [sys.executable, "-m", "memsh"]
CI = os.environ.get("CI_RUN") == "1"


@functools.cache
def can_mount() -> bool:
    """Whether this machine has what a mount takes; `.ci/run` sees to it that it has."""
    try:
        import mfusepy  # noqa: F401
    except (ImportError, OSError):
        return False
    return os.access("/dev/fuse", os.R_OK | os.W_OK) and (os.geteuid() == 0 or shutil.which("fusermount3") is not None)


@functools.cache
def can_enter() -> bool:
    probe = ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "true"]
    return can_mount() and shutil.which("unshare") is not None and subprocess.run(probe, check=False).returncode == 0


def missing(what: str, there: bool) -> bool:
    """True if `what` is not there, and says so; where everything was installed for this, that is a failure."""
    if there:
        return False
    assert not CI, f"{what} is missing"
    sys.stderr.write(f"\nnot compared, for it is not here: {what}\n")
    return True


class Served:
    """A memsh that serves `proc` and `sys` of a box below `folder`."""

    def __init__(self, folder: Path, process: subprocess.Popen[str], socket: str) -> None:
        self.folder = folder
        self.process = process
        self.socket = socket
        self.proc = folder / "proc"
        self.sys = folder / "sys"

    def run(self, line: str) -> tuple[int, str, str]:
        from memsh.client import Box

        with Box(self.socket) as box:
            return box.run(line)


@contextlib.contextmanager
def served(folder: Path, *options: str, command: list[str] | None = None) -> Iterator[Served]:
    """Serve a box at `folder`."""
    process = subprocess.Popen([*(command or MEMSH), "mount", str(folder), *options], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        while said and "MEMSH_SOCKET=" not in said:
            said = process.stderr.readline()
        assert "MEMSH_SOCKET=" in said, process.wait(10)
        yield Served(folder, process, said.rpartition("=")[2].rstrip(")\n"))
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def entered(script: str, *options: str, timeout: float = 60, env: dict[str, str] | None = None, cwd: str | None = None
            ) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Run a bash script in a box's namespace."""
    command = [*MEMSH, "enter", *options, "--", "bash", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, cwd=cwd,
                          env={**os.environ, "LC_ALL": "C", "TZ": "UTC", **(env or {})})  # fmt: skip


def until(condition: object, seconds: float = 10) -> bool:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False
