"""Free lists: taking a chunk off its list, putting one into its bin (malloc/malloc.c, unlink_chunk)."""

from __future__ import annotations

from memsh.libc.abi import Abort
from memsh.libc.memory import Memory


class Bins(Memory):
    """The doubly linked lists of free chunks."""

    __slots__ = ()

    def unlink_chunk(self, p: int) -> None:
        """Take free chunk `p` off its list."""
        w, st, sz, fd_at, bk_at = self.w, self.st, self.sz, self.fd, self.bk
        head = w[p + sz]
        size = head & ~7
        if size != w[p + size & self.low]:
            raise Abort("corrupted size vs. prev_size")
        fd, bk = w[p + fd_at], w[p + bk_at]
        if w[fd + bk_at] != p or w[bk + fd_at] != p:
            raise Abort("corrupted double-linked list")
        st(fd + bk_at, bk)
        st(bk + fd_at, fd)
        if head < self.min_large:
            return
        fd_next, bk_next = self.fd_nextsize, self.bk_nextsize
        following = w[p + fd_next]
        if not following:
            return
        before = w[p + bk_next]
        if w[following + bk_next] != p or w[before + fd_next] != p:
            raise Abort("corrupted double-linked list (not small)")
        if w[fd + fd_next]:
            st(following + bk_next, before)
            st(before + fd_next, following)
        elif following == p:
            st(fd + bk_next, fd)
            st(fd + fd_next, fd)
        else:
            st(fd + fd_next, following)
            st(fd + bk_next, before)
            st(following + bk_next, fd)
            st(before + fd_next, fd)

    def link_unsorted(self, p: int, size: int, complaint: str) -> None:
        """Put `p` of `size` bytes at the front of the unsorted list; Abort with `complaint` if the list is corrupt."""
        w, st, bck, fd_at, bk_at = self.w, self.st, self.unsorted, self.fd, self.bk
        fwd = w[bck + fd_at]
        if w[fwd + bk_at] != bck:
            raise Abort(complaint)
        st(p + fd_at, fwd)
        st(p + bk_at, bck)
        if size >= self.min_large:
            st(p + self.fd_nextsize, 0)
            st(p + self.bk_nextsize, 0)
        st(bck + fd_at, p)
        st(fwd + bk_at, p)

    def place(self, victim: int, size: int) -> None:
        """Put a chunk that left the unsorted list into its bin, large ones by falling size."""
        w, st, abi, fd_at, bk_at = self.w, self.st, self.abi, self.fd, self.bk
        if size < self.min_large:
            index = (size >> 4) + abi.small_shift
            bck = self.bin0 + index * self.hdr
            fwd = w[bck + fd_at]
        else:
            index = abi.largebin_index(size)
            bck = self.bin0 + index * self.hdr
            fwd = w[bck + fd_at]
            if fwd == bck:
                st(victim + self.bk_nextsize, victim)
                st(victim + self.fd_nextsize, victim)
            else:
                bck, fwd = self._sorted_place(victim, size | 1, bck, fwd)
        shift = abi.map_shift
        word = self.av.binmap + (index >> shift) * self.sz
        st(word, w[word] | 1 << (index & (1 << shift) - 1))
        st(victim + bk_at, bck)
        st(victim + fd_at, fwd)
        st(fwd + bk_at, victim)
        st(bck + fd_at, victim)

    def _sorted_place(self, victim: int, size: int, bck: int, fwd: int) -> tuple[int, int]:
        """Between which two chunks of a large bin `victim` goes; enters it in the list of first-of-their-size."""
        w, st, sz, fd_next, bk_next = self.w, self.st, self.sz, self.fd_nextsize, self.bk_nextsize
        last = w[bck + self.bk]
        if size < w[last + sz]:
            first = w[bck + self.fd]
            before = w[first + bk_next]
            st(victim + fd_next, first)
            st(victim + bk_next, before)
            st(before + fd_next, victim)
            st(first + bk_next, victim)
            return last, bck
        while size < w[fwd + sz]:
            fwd = w[fwd + fd_next]
        if size == w[fwd + sz]:
            fwd = w[fwd + self.fd]
        else:
            before = w[fwd + bk_next]
            st(victim + fd_next, fwd)
            st(victim + bk_next, before)
            if w[before + fd_next] != fwd:
                raise Abort("malloc(): largebin double linked list corrupted (nextsize)")
            st(fwd + bk_next, victim)
            st(before + fd_next, victim)
        bck = w[fwd + self.bk]
        if w[bck + self.fd] != fwd:
            raise Abort("malloc(): largebin double linked list corrupted (bk)")
        return bck, fwd
