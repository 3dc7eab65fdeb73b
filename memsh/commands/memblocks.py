"""chmem: blocks of memory go offline and come back, by /sys (util-linux 2.38.1, sys-utils/chmem.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.commands.listings import WORDS
from memsh.commands.tools import TOPIC, parting, reader_of
from memsh.procps.reader import Exit
from memsh.shell.io import IO
from memsh.shell.registry import Args, command

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.procps.chmem import Wanted
    from memsh.procps.reader import ProcReader

SOME_OK = 64

@command(WORDS, topic=TOPIC, needs_box=False, help_option=False)
def chmem(box: Box | None, args: Args, io: IO) -> int:
    """take blocks of physical memory offline, or bring them back (x86_64)

    chmem -d -b 3

    -d off, -e on; SIZE (512M: so much, the last blocks first), a range of addresses, or with -b of blocks; -z ZONE.
    """
    from memsh.procps import chmem as util_chmem  # start-up: chmem alone

    reader = reader_of(box, io)
    try:
        wanted, size = util_chmem.wanted(reader, args.words)
    except Exit as end:
        return parting(io, end)
    return _Blocks(reader, io, wanted, size).change()


class _Blocks:
    """The blocks as /sys shows them, and the change that is wanted."""

    def __init__(self, reader: ProcReader, io: IO, wanted: Wanted, size: int) -> None:
        from memsh.procps.lsmem import MEMORY, block_numbers  # start-up: lsmem and chmem alone

        self.reader, self.io, self.wanted, self.size, self.folder = reader, io, wanted, size, MEMORY
        self.numbers = block_numbers(reader)
        self.verb = "enable" if wanted.enable else "disable"

    def _text(self, number: int, name: str) -> str:
        return self.reader.read(f"{self.folder}/memory{number}/{name}")

    def _name(self, number: int) -> str:
        start = number * self.size
        return f"Memory Block {number} (0x{start:016x}-0x{start + self.size - 1:016x})"

    def _is_done(self, number: int) -> bool:
        return self._text(number, "state").strip() == ("online" if self.wanted.enable else "offline")

    def _fits(self, number: int) -> bool:
        """Whether the block is, or could be, of the zone that is asked for."""
        zones, zone = self._text(number, "valid_zones").lower(), self.wanted.zone.lower()
        return zone in zones if self.wanted.enable else zones.startswith(zone)

    def _store(self, number: int) -> str:
        """Write the state; why not, or ""."""
        word = "offline"
        if self.wanted.enable:
            movable = "movable" in (self.wanted.zone or self._text(number, "valid_zones")).lower()
            word = "online_movable" if movable else "online_kernel" if self.wanted.zone else "online"
        assert self.io.session.files is not None
        try:
            sink = self.io.session.files.open_write(self.io.session, f"{self.folder}/memory{number}/state", False)
            sink.write(word)
            sink.close()
        except OSError as error:
            return error.strerror or str(error)
        return ""

    def change(self) -> int:
        done, asked = self._size() if self.wanted.blocks is not None else self._range()
        return 0 if done == asked else SOME_OK if done else 1

    def _size(self) -> tuple[int, int]:
        """As many blocks as are wanted, from the end that is nearer to what comes and goes (chmem_size)."""
        asked = self.wanted.blocks or 0
        done = 0
        for number in self.numbers if self.wanted.enable else reversed(self.numbers):
            if done == asked:
                break
            if self._is_done(number) or not self._fits(number):
                continue
            failed = bool(self._store(number))
            done += not failed
            if self.wanted.verbose:
                self.io.out(f"{self._name(number)} {self.verb}{' failed' if failed else 'd'}\n")
        if done < asked:
            from memsh.procps.utillinux import human_size  # start-up: chmem alone

            self.io.complain(f"Could only {self.verb} {human_size(done * self.size)} of memory")
        return done, asked

    def _range(self) -> tuple[int, int]:
        """Every block from the first to the last (chmem_range)."""
        asked = self.wanted.last - self.wanted.first + 1
        done = 0
        for number in self.numbers:
            if not self.wanted.first <= number <= self.wanted.last:
                continue
            name = self._name(number)
            if self._is_done(number):
                done += 1
                self.io.out(f"{name} already {self.verb}d\n" if self.wanted.verbose else "")
                continue
            why = self._store(number) if self._fits(number) else "Zone mismatch"
            if why:
                self.io.complain(f"{name} {self.verb} failed: {why}")
                continue
            done += 1
            self.io.out(f"{name} {self.verb}d\n" if self.wanted.verbose else "")
        return done, asked
