"""What an executable file says about its process: ELF segments, and which pages the program uses by itself
(include/uapi/linux/elf.h). The programs themselves are the machine's (Model.programs).

Addresses of a library are offsets from where it is loaded.
"""

from __future__ import annotations

from typing import NamedTuple

from memsh.linux.include.flags import PROT_EXEC, PROT_READ, PROT_WRITE


class Segment(NamedTuple):
    """One PT_LOAD: `offset` and `filesz` in the file, `vaddr` and `memsz` in memory, all bytes."""

    vaddr: int
    offset: int
    filesz: int
    memsz: int
    prot: int

    def __deepcopy__(self, memo: object) -> Segment:
        return self


class Touch(NamedTuple):
    """`length` bytes from `addr`, one access a page."""

    addr: int
    length: int
    write: bool = False

    def __deepcopy__(self, memo: object) -> Touch:
        return self


def pages(first: int, last: int, write: bool = False) -> Touch:
    """Pages from address `first` up to, not including, `last`."""
    return Touch(first, last - first, write)


class Image:
    """An executable or library. `size` of the file in bytes; `symbols` by name, as nm tells; `text` overrides bytes of
    the file by offset.

    What it does by itself: `brk` bytes of heap taken before main and `touched` pages (segments that `relro` covers are
    touched before they become read-only); `forked` what a child touches when it first runs, `settled` what it touches
    after its first operation; `sigcgt` the signals it says it catches, as /proc shows them; `before_main` what a static
    program's C library has asked of malloc by then, beside the thread's cache; `tls` bytes of thread-local storage that
    the dynamic linker maps once the libraries are there; `write_ip` where its write() comes back from the kernel, if it
    is known; `kept` the pages of its last faults that its thread has not handed in when main begins
    (mm/memory/rss_stat.py).
    """

    def __init__(
        self, path: str, segments: tuple[Segment, ...], entry: int, *, size: int, relro: tuple[int, int] = (0, 0),
        interp: str = "", libraries: tuple[str, ...] = (), brk: int = 0, touched: tuple[Touch, ...] = (),
        forking: tuple[Touch, ...] = (), forked: tuple[Touch, ...] = (), settled: tuple[Touch, ...] = (),
        load_ip: int = 0, store_ip: int = 0, write_ip: int = 0, sigcgt: int = 0, symbols: dict[str, int] | None = None,
        text: dict[int, bytes] | None = None,
        before_main: tuple[int, ...] = (12, 668, 28, 172, 108), tls: int = 0, kept: int = 0,
    ) -> None:  # fmt: skip
        self.path = path
        self.segments = segments
        self.entry = entry
        self.size = size
        self.relro = relro
        self.interp = interp
        self.libraries = libraries
        self.brk = brk
        self.touched = touched
        self.forking = forking
        self.forked = forked
        self.settled = settled
        self.load_ip = load_ip
        self.store_ip = store_ip
        self.write_ip = write_ip
        self.sigcgt = sigcgt
        self.symbols = symbols or {}
        self.text = text or {}
        self.before_main = before_main
        self.tls = tls
        self.kept = kept

    @property
    def total_size(self) -> int:
        """Bytes from the first segment to the last one's end, as loaded."""
        first, last = self.segments[0], self.segments[-1]
        return last.vaddr + last.memsz - (first.vaddr & ~4095)

    def code_bounds(self) -> tuple[int, int, int, int]:
        """start_code, end_code, start_data, end_data as load_elf_binary() finds them."""
        start_code = min(s.vaddr for s in self.segments if s.prot & PROT_EXEC)
        end_code = max(s.vaddr + s.filesz for s in self.segments if s.prot & PROT_EXEC)
        last = self.segments[-1]
        return start_code, end_code, last.vaddr, last.vaddr + last.filesz


R, RX, RW = PROT_READ, PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE
