"""Free lists: taking a chunk off its list, putting one into its bin (malloc/malloc.c, unlink_chunk)."""

from __future__ import annotations

from memsh.libc.chunk import BINMAP, BINS, BK, BK_NEXT, FD, FD_NEXT, MIN_LARGE, SIZE, Abort, largebin_index
from memsh.libc.memory import Words


class Bins(Words):
    """The doubly linked lists of free chunks."""

    def bin_at(self, index: int) -> int:
        """The header of bin `index`, as the address of a chunk whose links it is."""
        return self.arena + BINS - 16 + index * 8

    def unlink_chunk(self, p: int) -> None:
        """Take free chunk `p` off its list."""
        ld, st = self.ld, self.st
        head = ld(p + SIZE)
        size = head & ~7
        if size != ld(p + size & 0xFFFFFFFF):
            raise Abort("corrupted size vs. prev_size")
        fd, bk = ld(p + FD), ld(p + BK)
        if ld(fd + BK) != p or ld(bk + FD) != p:
            raise Abort("corrupted double-linked list")
        st(fd + BK, bk)
        st(bk + FD, fd)
        if head < MIN_LARGE:
            return
        following = ld(p + FD_NEXT)
        if not following:
            return
        before = ld(p + BK_NEXT)
        if ld(following + BK_NEXT) != p or ld(before + FD_NEXT) != p:
            raise Abort("corrupted double-linked list (not small)")
        if ld(fd + FD_NEXT):
            st(following + BK_NEXT, before)
            st(before + FD_NEXT, following)
        elif following == p:
            st(fd + BK_NEXT, fd)
            st(fd + FD_NEXT, fd)
        else:
            st(fd + FD_NEXT, following)
            st(fd + BK_NEXT, before)
            st(following + BK_NEXT, fd)
            st(before + FD_NEXT, fd)

    def link_unsorted(self, p: int, size: int, complaint: str) -> None:
        """Put `p` of `size` bytes at the front of the unsorted list; Abort with `complaint` if the list is corrupt."""
        ld, st, bck = self.ld, self.st, self.unsorted
        fwd = ld(bck + FD)
        if ld(fwd + BK) != bck:
            raise Abort(complaint)
        st(p + FD, fwd)
        st(p + BK, bck)
        if size >= MIN_LARGE:
            st(p + FD_NEXT, 0)
            st(p + BK_NEXT, 0)
        st(bck + FD, p)
        st(fwd + BK, p)

    def mark_bin(self, index: int) -> None:
        word = self.arena + BINMAP + (index >> 5) * 4
        self.st(word, self.ld(word) | 1 << (index & 31))

    def place(self, victim: int, size: int) -> None:
        """Put a chunk that left the unsorted list into its bin, large ones by falling size."""
        ld, st = self.ld, self.st
        if size < MIN_LARGE:
            index = (size >> 4) + 1
            bck = self.arena + BINS - 16 + index * 8
            fwd = ld(bck + FD)
        else:
            index = largebin_index(size)
            bck = self.arena + BINS - 16 + index * 8
            fwd = ld(bck + FD)
            if fwd == bck:
                st(victim + BK_NEXT, victim)
                st(victim + FD_NEXT, victim)
            else:
                bck, fwd = self._sorted_place(victim, size | 1, bck, fwd)
        word = self.arena + BINMAP + (index >> 5) * 4
        st(word, ld(word) | 1 << (index & 31))
        st(victim + BK, bck)
        st(victim + FD, fwd)
        st(fwd + BK, victim)
        st(bck + FD, victim)

    def _sorted_place(self, victim: int, size: int, bck: int, fwd: int) -> tuple[int, int]:
        """Between which two chunks of a large bin `victim` goes; enters it in the list of first-of-their-size."""
        ld, st = self.ld, self.st
        last = ld(bck + BK)
        if size < ld(last + SIZE):
            first = ld(bck + FD)
            before = ld(first + BK_NEXT)
            st(victim + FD_NEXT, first)
            st(victim + BK_NEXT, before)
            st(before + FD_NEXT, victim)
            st(first + BK_NEXT, victim)
            return last, bck
        while size < ld(fwd + SIZE):
            fwd = ld(fwd + FD_NEXT)
        if size == ld(fwd + SIZE):
            fwd = ld(fwd + FD)
        else:
            before = ld(fwd + BK_NEXT)
            st(victim + FD_NEXT, fwd)
            st(victim + BK_NEXT, before)
            if ld(before + FD_NEXT) != fwd:
                raise Abort("malloc(): largebin double linked list corrupted (nextsize)")
            st(fwd + BK_NEXT, victim)
            st(before + FD_NEXT, victim)
        bck = ld(fwd + BK)
        if ld(bck + FD) != fwd:
            raise Abort("malloc(): largebin double linked list corrupted (bk)")
        return bck, fwd
