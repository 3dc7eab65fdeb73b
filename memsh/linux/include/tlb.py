"""Translations in use of a process's pages, and what it has read and stored through them.

Linux has no such object: the processor does this (arch/x86/mm/tlb.c tells it what to forget). Nothing here can be seen
from outside; it saves looking up a page's tables and bytes for each word.

No known deviations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


class Words(dict[int, int]):
    """Words of a process's own pages by their addresses, as last read or stored: its code sees them as one view.

    Each is there only while its page stays mapped as it is. What is not there `load` fetches, and keep()s perhaps: then
    it stands in `pages` too, the words by page. At most LIMIT words.

    A word that is stored again changes here alone. `late`: there are such; their pages' bytes, by `views`, have them
    once they settle(): before somebody looks at bytes (MemMap.data sees to that) and when a page is mapped otherwise.
    Ctrl-C may break off somebody who only looks, anywhere in here: no step relies on the next one. `pages` may so name
    a word too many, and settle() is done again by the next who looks.
    """

    __slots__ = ("late", "load", "pages", "views")
    load: Callable[[int], int]
    LIMIT = 1 << 16

    def __init__(self, views: dict[int, Any]) -> None:
        self.views = views
        self.pages: dict[int, list[int]] = {}
        self.late = False

    def __missing__(self, addr: int) -> int:
        return self.load(addr)

    def keep(self, addr: int, value: int) -> None:
        if len(self) >= self.LIMIT:
            self.clear()
        kept = self.pages.get(addr >> 12)
        if kept is None:
            self.pages[addr >> 12] = [addr]
        else:
            kept.append(addr)
        self[addr] = value

    def settle(self) -> None:
        """Store in the pages' bytes what only stands here."""
        if self.late:
            self._write_back(self)
            self.late = False

    def settle_at(self, addr: int, n: int) -> None:
        """settle() of `n` bytes at `addr`: somebody reads them there."""
        if self.late:
            self._write_back(self._among(addr, n))

    def _write_back(self, words: Iterable[int]) -> None:
        views = self.views
        for addr in words:
            if addr in self:
                view = views[addr >> 12]
                view[(addr & 4095) // view.itemsize] = self[addr]

    def _among(self, addr: int, n: int) -> list[int]:
        """Those that lie, in part at least, in `n` bytes at `addr`."""
        end = addr + n
        pages = range(addr >> 12, end + 4095 >> 12)
        return [word for page in pages for word in self.pages.get(page, ()) if addr - 8 < word < end]

    def drop(self, page: int) -> None:
        """The page is mapped otherwise now."""
        gone = self.pages.pop(page, ())
        if self.late:
            self._write_back(gone)
        for addr in gone:
            self.pop(addr, None)

    def forget(self, addr: int, n: int) -> None:
        """Somebody else stores `n` bytes at `addr`."""
        gone = self._among(addr, n)
        if gone:
            self.settle_at(addr, n)  # a word is stored over in part, perhaps
            for word in gone:
                self.pop(word, None)
            for page in {word >> 12 for word in gone}:
                self.pages[page] = [word for word in self.pages[page] if word in self]

    def clear(self) -> None:
        self.settle()
        dict.clear(self)
        self.pages.clear()


class Tlb(dict[int, Any]):
    """Translations in use: page number -> its bytes as machine words. Never copied: a cache of the page tables.

    `own`: those that may be written through, the process's own pages. `words` is what was read and stored through them:
    it goes with them. `user`: who worked with them and is at rest now, as he has set himself up (libc's UserProcess).
    """

    __slots__ = ("own", "user", "words")

    def __init__(self) -> None:
        self.own: dict[int, Any] = {}
        self.words = Words(self.own)
        self.user: Any = None

    def drop(self, page: int) -> None:
        """Forget a page's translation, if it is known."""
        if page in self.own:
            self.words.drop(page)
            del self.own[page]
        self.pop(page, None)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tlb:
        return Tlb()
