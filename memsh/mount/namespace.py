"""A namespace in which /proc and /sys are the box's: `memsh enter`, and `! PIPELINE` at the prompt.

A user, mount and process namespace by util-linux's `unshare`, or by `bwrap`: no right is needed. The host is read-only
there but for a scratch /tmp and the folders that a person names; processes of the host can be neither seen nor
signalled. Commands of memsh that no program and no builtin of bash has by name exist as programs.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from memsh.mount.place import private_folder
from memsh.mount.serve import Mount
from memsh.mount.server import Server
from memsh.shell.errors import ShellError

if TYPE_CHECKING:
    from memsh.shell.session import Session

HERE = Path(__file__).parent
PACKAGE = str(HERE.parents[1])  # where `memsh` is imported from
BASH_OWN = """
    if then else elif fi case esac for select while until do done in function time coproc alias bg bind break builtin
    caller cd command compgen complete compopt continue declare dirs disown echo enable eval exec exit export false fc
    fg getopts hash help history jobs kill let local logout mapfile popd printf pushd pwd read readarray readonly return
    set shift shopt source suspend test times trap true type typeset ulimit umask unalias unset wait
"""


class Door:
    """A session's box, mounted in a private folder, with its socket and its programs; `run` lets a program in."""

    def __init__(self, session: Session, allow_other: bool = False) -> None:
        self.how = way_in()
        self.folder = private_folder()
        self.session = session
        try:
            self.mount = Mount(session, str(self.folder / "box"), allow_other)
            self.server = Server(session, self.folder / "socket")
            self._programs()
            (self.folder / "stage").mkdir()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def _programs(self) -> None:
        """`box`, and one name for each command that nobody else has."""
        programs = self.folder / "bin"
        programs.mkdir()
        text = (HERE / "box_client.py").read_text("utf-8")
        box = programs / "box"
        box.write_text(f"#!{os.path.realpath(sys.executable)} -IS\n{text}", "utf-8")
        box.chmod(0o755)
        names = {name.split()[0] for name in self.session.registry.commands}
        for name in sorted(names - {*BASH_OWN.split(), "box"}):
            if all(letter.isalnum() or letter in "_-" for letter in name) and shutil.which(name) is None:
                (programs / name).symlink_to("box")

    def _environment(self) -> dict[str, str]:
        path = os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin")
        return {
            **os.environ, "MEMSH_SOCKET": str(self.folder / "socket"), "MEMSH_PATH": PACKAGE,
            "MEMSH_PYTHON": sys.executable, "PATH": f"{path}:{self.folder / 'bin'}",
        }  # fmt: skip

    def _command(self, words: Sequence[str], write: Sequence[str]) -> list[str]:
        cwd = str(Path.cwd())
        box, run = str(self.folder / "box"), str(self.folder)
        spec = {"box": box, "run": run, "write": list(write), "cwd": cwd, "mounts": self.how == "unshare"}
        inside = [os.path.realpath(sys.executable), "-IS", str(HERE / "inside.py"), json.dumps(spec), *words]
        if self.how == "unshare":
            return ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child", *inside]
        devices = [word for name in ("null", "zero", "full", "random", "urandom", "tty", "pts")
                   for word in ("--dev-bind", f"/dev/{name}", f"/dev/{name}")]  # fmt: skip
        links = [word for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2"))
                 for word in ("--symlink", f"/dev/.host/self/{target}", f"/dev/{name}")]  # fmt: skip
        kept = [word for folder in write for word in ("--bind", folder, folder)]
        for folder in dict.fromkeys((PACKAGE, cwd)):  # the scratch /tmp would hide them
            if folder.startswith("/tmp/"):
                kept = ["--ro-bind", folder, folder, *kept]
        return [
            "bwrap", "--unshare-user", "--uid", "0", "--gid", "0", "--unshare-pid", "--die-with-parent",
            "--ro-bind", "/", "/", "--tmpfs", "/dev", *devices, "--symlink", "pts/ptmx", "/dev/ptmx",
            "--perms", "1777", "--tmpfs", "/dev/shm", "--proc", "/dev/.host", *links, "--perms", "1777",
            "--tmpfs", "/tmp", "--bind", run, run, *kept,
            "--bind", f"{box}/sys", "/sys", "--bind", f"{box}/proc", "/proc", "--", *inside,
        ]  # fmt: skip

    def run(self, words: Sequence[str], write: Sequence[str] = ()) -> int:
        """Run a program inside; its status. Ctrl-C is its own; SIGTERM and SIGHUP end it with everything in there."""
        process = subprocess.Popen(self._command(words, write), env=self._environment())

        def stop(_number: int, _frame: FrameType | None) -> None:
            process.kill()

        kept = [(number, signal.signal(number, handler)) for number, handler in (
            (signal.SIGINT, signal.SIG_IGN), (signal.SIGQUIT, signal.SIG_IGN), (signal.SIGTERM, stop),
            (signal.SIGHUP, stop))]  # fmt: skip
        try:
            status = process.wait()
        finally:
            for number, handler in kept:
                signal.signal(number, handler)
        return 128 - status if status < 0 else status

    def end(self) -> None:
        self.server.end()
        self.mount.end()
        with suppress(OSError):
            shutil.rmtree(self.folder)


def way_in() -> str:
    """`unshare` or `bwrap`, whichever works here. ShellError if neither does."""
    tries: list[tuple[str, list[str]]] = [
        ("unshare", ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "true"]),
        ("bwrap", ["bwrap", "--unshare-user", "--unshare-pid", "--ro-bind", "/", "/", "true"]),
    ]
    wanted = os.environ.get("MEMSH_ENTER_BY", "")
    said = []
    for name, command in tries:
        if wanted not in ("", name):
            continue
        if shutil.which(name) is None:
            said.append(f"{name} is not there")
            continue
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not done.returncode:
            return name
        said.append(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"{name} failed")
    raise ShellError(
        f"no private namespace can be made here: {'; '.join(said)} (Debian: apt install util-linux bubblewrap; "
        "sysctl -w kernel.unprivileged_userns_clone=1)"
    )


def at_prompt(session: Session, keep: Callable[[Door], None]) -> Callable[[Session, str], int]:
    """What runs `! PIPELINE`: the door is opened when it is first asked for, and handed to `keep`."""
    door: list[Door] = []

    def run(session: Session, line: str) -> int:
        if session.box is None:
            raise ShellError("needs a kernel, and --proc has none: it reads a recorded /proc")
        if shutil.which("bash") is None:
            raise ShellError("the host has no bash")
        if not door:
            door.append(Door(session))
            keep(door[0])
        cwd = str(Path.cwd())
        stream = getattr(session.stdout, "flush", None)
        if stream is not None:
            stream()
        with session.host_wait():  # the terminal is the program's
            return door[0].run(["bash", "-c", line], [cwd] if cwd != "/" else [])

    return run
