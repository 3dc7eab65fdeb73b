"""A box for Python programs and notebooks.

    from memsh.client import Box

    box = Box()                    # the box that this program runs on (memsh enter, box --python), or one of its own
    p = box.malloc("200k")         # 0xb7fc7010, an int
    box.touch(p, "64k")
    print(box.cat("/proc/self/status"))
    box.run("fork; ps").stdout

Each method is the command of its name: numbers are passed as they are, sizes may be words (`"200k"`), a value comes
back as an int. What memsh refuses is raised as `Failed`, with the status and the words. `run` takes any line and raises
nothing. A box of its own needs no FUSE: `Box(ram="512M", swap="64M")`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import sys
from types import TracebackType
from typing import NamedTuple, Protocol

from memsh.cli import open_session
from memsh.mount.server import run_for_client

Size = int | str  # bytes, or a word: "4k", "1M"
Address = int | str  # a number, or a word: "0x8048000", "$1"
_VALUE = re.compile(r"0x[0-9a-f]+|-?[0-9]+")


class Result(NamedTuple):
    """What a line answered. `stdout` has values bare, `stderr` what was said beside them."""

    status: int
    stdout: str
    stderr: str


class Failed(Exception):
    """A command ended with another status than 0. `status`, `line`, and the words as the exception's text."""

    def __init__(self, line: str, result: Result) -> None:
        super().__init__(result.stderr.strip() or f"{line}: status {result.status}")
        self.line = line
        self.status = result.status
        self.stdout = result.stdout


class _Way(Protocol):
    """How a line reaches the box."""

    def ask(self, line: str, stdin: str) -> Result: ...

    def close(self) -> None: ...


class _Socket:
    """A box of another process, by its socket."""

    def __init__(self, path: str) -> None:
        self.stream = socket.socket(socket.AF_UNIX)
        self.stream.connect(path)

    def ask(self, line: str, stdin: str) -> Result:
        data = json.dumps({"line": line, "stdin": stdin}).encode()
        self.stream.sendall(len(data).to_bytes(4, "big") + data)
        answer = json.loads(self._exactly(int.from_bytes(self._exactly(4), "big")))
        return Result(answer["status"], answer["stdout"], answer["stderr"])

    def _exactly(self, length: int) -> bytes:
        parts: list[bytes] = []
        while length:
            part = self.stream.recv(min(length, 1 << 20))
            if not part:
                raise ConnectionError("the box has ended")
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        self.stream.close()


class _Own:
    """A box in this very process."""

    def __init__(self, argv: list[str]) -> None:
        self.session = open_session(argv, sys.stdout, sys.stderr)
        self.run = run_for_client

    def ask(self, line: str, stdin: str) -> Result:
        status, out, err = self.run(self.session, line, stdin, may_host=True)
        return Result(status & 0xFF, out, err)

    def close(self) -> None:
        self.session.box = None


class Box:
    """A box to work on. With MEMSH_SOCKET in the environment (or `socket`) it is the one that listens there; with any
    other argument, or without that variable, one of its own: `ram`, `cpus`, `swap`, `cmdline`, `age` are memsh's
    options."""

    def __init__(
        self, socket: str | None = None, *, ram: Size | None = None, cpus: int | None = None, swap: Size | None = None,
        cmdline: str | None = None, age: str | None = None,
    ) -> None:  # fmt: skip
        options = {"--ram": ram, "--cpus": cpus, "--swap": swap, "--cmdline": cmdline, "--age": age}
        argv = [word for name, value in options.items() if value is not None for word in (name, str(value))]
        if socket is None and not argv:
            socket = os.environ.get("MEMSH_SOCKET")
        elif socket is not None and argv:
            raise ValueError("a box that is there already has its ram and cpus")
        self._way: _Way = _Socket(socket) if socket else _Own(argv)

    def __enter__(self) -> Box:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:  # fmt: skip
        self.close()

    def close(self) -> None:
        """Leave the box; one of its own ends."""
        self._way.close()

    # any line

    def run(self, line: str, stdin: str = "") -> Result:
        """Run a line of memsh as it would be typed. Nothing is raised: look at `.status`."""
        return self._way.ask(line, stdin)

    def text(self, *words: Size, stdin: str = "") -> str:
        """Run one command, given as words; its output. Failed if its status is not 0."""
        line = shlex.join(self._word(word) for word in words)
        result = self.run(line, stdin)
        if result.status:
            raise Failed(line, result)
        return result.stdout

    def value(self, *words: Size) -> int:
        """Run one command for the value that it yields. Failed if its status is not 0 or there is none."""
        line = shlex.join(self._word(word) for word in words)
        result = self.run(line)
        found = _VALUE.match(result.stdout)
        if result.status or found is None:
            raise Failed(line, result)
        return int(found[0], 0)

    @staticmethod
    def _word(word: Size) -> str:
        return hex(word) if isinstance(word, int) and word > 4095 else str(word)

    def cat(self, path: str) -> str:
        """The text of a file of the box, such as /proc/slabinfo."""
        return self.text("cat", path)

    def write_file(self, path: str, text: str) -> None:
        """Write to a file of the box, such as /proc/sys/vm/drop_caches."""
        line = f"printf %s {shlex.quote(text)} > {shlex.quote(path)}"
        result = self.run(line)
        if result.status:
            raise Failed(line, result)

    # user space

    def malloc(self, size: Size) -> int:
        """Take memory from the C library's heap: its address."""
        return self.value("malloc", size)

    def calloc(self, n: Size, size: Size = 1) -> int:
        """Take zeroed memory from the C library's heap."""
        return self.value("calloc", n, size)

    def realloc(self, addr: Address, size: Size) -> int:
        """Give a block another size: where it is then."""
        return self.value("realloc", addr, size)

    def memalign(self, alignment: Size, size: Size) -> int:
        """Take memory at a multiple of `alignment`."""
        return self.value("memalign", alignment, size)

    def free(self, addr: Address) -> None:
        """Give a block back to the C library."""
        self.text("free", addr)

    def mmap(self, length: Size, prot: str = "rw", flags: str = "private") -> int:
        """Map fresh pages: where they are."""
        return self.value("mmap", length, prot, flags)

    def munmap(self, addr: Address, length: Size) -> None:
        """Take a range of addresses away."""
        self.text("munmap", addr, length)

    def mprotect(self, addr: Address, length: Size, prot: str) -> None:
        """Change what may be done with a range: "r", "rw", "none"."""
        self.text("mprotect", addr, length, prot)

    def madvise(self, addr: Address, length: Size, advice: str) -> None:
        """Tell the kernel what a range is for: "dontneed", "willneed"."""
        self.text("madvise", addr, length, advice)

    def touch(self, addr: Address, length: Size = 1) -> None:
        """Access memory, one byte a page: a write where the mapping may be written, else a read."""
        self.text("touch", addr, length)

    def read(self, addr: Address, length: Size = 1) -> None:
        """Read memory, one byte a page."""
        self.text("read", addr, length)

    def write(self, addr: Address, length: Size = 1) -> None:
        """Write memory, one byte a page."""
        self.text("write", addr, length)

    def sbrk(self, increment: Size) -> int:
        """Move the end of the heap: where it was."""
        return self.value("sbrk", increment)

    # processes

    def fork(self) -> int:
        """Duplicate the current process: the child's PID."""
        return self.value("fork")

    def switch(self, pid: int) -> None:
        """Make another process the current one."""
        self.text("switch", pid)

    def kill(self, pid: int, signal: int | str = "TERM") -> None:
        """Send a signal to a process."""
        self.text("kill", f"-{signal}", pid)

    # the kernel's memory

    def kmalloc(self, size: Size, gfp: str = "GFP_KERNEL") -> int:
        """Allocate physically contiguous kernel memory: its address."""
        return self.value("kmalloc", size, gfp)

    def kfree(self, addr: Address) -> None:
        """Free what kmalloc gave."""
        self.text("kfree", addr)

    def vmalloc(self, size: Size) -> int:
        """Allocate virtually contiguous kernel memory: its address."""
        return self.value("vmalloc", size)

    def vfree(self, addr: Address) -> None:
        """Free what vmalloc gave."""
        self.text("vfree", addr)

    def alloc_pages(self, order: int, gfp: str = "GFP_KERNEL") -> int:
        """Take a block of 2^order pages from the buddy system: its first page frame number."""
        return self.value("alloc_pages", order, gfp)

    def free_pages(self, pfn: int | str, order: int | None = None) -> None:
        """Give a block of pages back."""
        self.text("free_pages", pfn, *([] if order is None else [order]))

    # the session

    def sleep(self, seconds: float) -> None:
        """Let the box's clock move on."""
        self.text("sleep", f"{seconds:.6f}")

    def check(self) -> str:
        """Verify every invariant of the box. Failed names what is broken."""
        return self.text("check")

    def undo(self, count: int = 1) -> str:
        """Take back the last commands that changed the box."""
        return self.text("undo", count)
