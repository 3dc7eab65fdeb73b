"""A process's memory for malloc without a box: every page there as soon as it is touched, page faults counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import MAP_HUGETLB

SYMBOLS = {
    "main_arena": 0x0804C000, "mp_": 0x0804CA00, "tcache": 0x0804CC00, "__curbrk": 0x0804CD00, "tp": 0x0804CC40,
}  # fmt: skip
SYMBOLS64 = {name: addr - 0x0804C000 + 0x404000 for name, addr in SYMBOLS.items()}


class Words(dict[int, int]):
    """The memory's words, none of them kept."""

    def __init__(self, mem: FakeMemory) -> None:
        self.mem = mem

    def __missing__(self, addr: int) -> int:
        return self.mem.load(addr)


class FakeMemory:
    """UserMemory of `word` bytes a word, with a break from `start` and mappings top-down from `top`."""

    def __init__(self, start: int = 0x0838D000, top: int = 0xB7D9B000, word: int = 4) -> None:
        self.word, self.kind, self.shift = word, "I" if word == 4 else "Q", 2 if word == 4 else 3
        self.words: Mapping[int, int] = Words(self)
        self.pages: dict[int, memoryview] = {}
        self.start = self.end = start
        self.top = top
        self.maps: dict[int, int] = {}
        self.faults = 0
        self.broken = False
        self.environment: list[str] = []
        self.huge = 0
        self.full = False
        self.threaded = False

    def _page(self, addr: int) -> memoryview:
        page = self.pages.get(addr >> 12)
        if page is None:
            self.faults += 1
            page = self.pages[addr >> 12] = memoryview(bytearray(4096)).cast(self.kind)
        return page

    def load(self, addr: int) -> int:
        if addr & self.word - 1:
            return int.from_bytes(self.read(addr, self.word), "little")
        return self._page(addr)[(addr & 4095) >> self.shift]

    def store(self, addr: int, value: int) -> None:
        if addr & self.word - 1:
            self.write(addr, value.to_bytes(self.word, "little"))
        else:
            self._page(addr)[(addr & 4095) >> self.shift] = value

    def read(self, addr: int, n: int) -> bytes:
        parts = []
        for at, count in self._pieces(addr, n):
            parts.append(self._page(at).cast("B")[at & 4095 : (at & 4095) + count].tobytes())
        return b"".join(parts)

    def write(self, addr: int, data: bytes) -> None:
        for at, count in self._pieces(addr, len(data)):
            self._page(at).cast("B")[at & 4095 : (at & 4095) + count] = data[at - addr : at - addr + count]

    def _pieces(self, addr: int, n: int) -> Iterator[tuple[int, int]]:
        """Address and length of what lies in each page."""
        end = addr + n
        while addr < end:
            count = min(end - addr, 4096 - (addr & 4095))
            yield addr, count
            addr += count

    def fill(self, addr: int, value: int, n: int) -> None:
        self.write(addr, bytes([value]) * n)

    def copy(self, to: int, source: int, n: int) -> None:
        self.write(to, self.read(source, n))

    def brk(self, addr: int) -> int:
        if addr and not self.broken:
            self._drop((addr + 4095) & ~4095, (self.end + 4095) & ~4095)
            self.end = addr
        return self.end

    def _drop(self, start: int, end: int) -> None:
        for page in range(start >> 12, end >> 12):
            self.pages.pop(page, None)

    def mmap(self, length: int, flags: int = 0) -> int:
        if self.full or flags & MAP_HUGETLB:  # a pool without a page
            raise KernelError("ENOMEM")
        at = self.top
        for start in sorted(self.maps, reverse=True):
            if at - (start + self.maps[start]) >= length:
                break
            at = start
        self.maps[at - length] = length
        return at - length

    def munmap(self, addr: int, length: int) -> None:
        assert self.maps.pop(addr) == length
        self._drop(addr, addr + length)

    def mremap(self, addr: int, oldlen: int, newlen: int) -> int:
        assert self.maps[addr] == oldlen
        limit = min([start for start in self.maps if start > addr] + [self.top])
        if newlen > oldlen and addr + newlen > limit:
            new = self.mmap(newlen)
            for page in range(oldlen >> 12):
                if (addr >> 12) + page in self.pages:
                    self.pages[(new >> 12) + page] = self.pages.pop((addr >> 12) + page)
            del self.maps[addr]
            return new
        self.maps[addr] = newlen
        self._drop(addr + newlen, addr + oldlen)
        return addr

    def dontneed(self, addr: int, length: int) -> None:
        self._drop(addr, addr + length)

    def environ(self) -> list[str]:
        return self.environment

    def hugepage(self, addr: int, length: int) -> None:
        assert self.huge and length >= self.huge and not addr & 4095

    def nprocs(self) -> int:
        return 1

    def overcommit_memory(self) -> int:
        return 0

    def map_at(self, addr: int, length: int, flags: int) -> int:
        return self.mmap(length)

    def mprotect(self, addr: int, length: int) -> None:
        pass

    def thp_size(self) -> int:
        return self.huge

    def hugetlb_size(self, wanted: int) -> int:
        return {0: 2 << 20, 2 << 20: 2 << 20, 1 << 30: 1 << 30}.get(wanted, 0)
