"""A process's memory for malloc without a box: every page there as soon as it is touched, page faults counted."""

from __future__ import annotations

from memsh.linux.include.errno import KernelError

SYMBOLS = {"main_arena": 0x0804C000, "mp_": 0x0804C800, "tcache": 0x0804CA00, "__curbrk": 0x0804CB00}


class FakeMemory:
    """UserMemory with a break from `start` and mappings top-down from `top`."""

    def __init__(self, start: int = 0x0838D000, top: int = 0xB7D9B000) -> None:
        self.pages: dict[int, memoryview] = {}
        self.start = self.end = start
        self.top = top
        self.maps: dict[int, int] = {}
        self.faults = 0
        self.broken = False
        self.full = False

    def _page(self, addr: int) -> memoryview:
        page = self.pages.get(addr >> 12)
        if page is None:
            self.faults += 1
            page = self.pages[addr >> 12] = memoryview(bytearray(4096)).cast("I")
        return page

    def load(self, addr: int) -> int:
        page = self.pages.get(addr >> 12)
        if page is None or addr & 3:
            if addr & 3:
                return int.from_bytes(self.read(addr, 4), "little")
            page = self._page(addr)
        return page[(addr & 4095) >> 2]

    def store(self, addr: int, value: int) -> None:
        page = self.pages.get(addr >> 12)
        if page is None:
            page = self._page(addr)
        page[(addr & 4095) >> 2] = value

    def read(self, addr: int, n: int) -> bytes:
        out = b""
        while n:
            count = min(n, 4096 - (addr & 4095))
            out += self._page(addr).cast("B")[addr & 4095 : (addr & 4095) + count].tobytes()
            addr, n = addr + count, n - count
        return out

    def write(self, addr: int, data: bytes) -> None:
        while data:
            count = min(len(data), 4096 - (addr & 4095))
            self._page(addr).cast("B")[addr & 4095 : (addr & 4095) + count] = data[:count]
            addr, data = addr + count, data[count:]

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

    def mmap(self, length: int) -> int:
        if self.full:
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
