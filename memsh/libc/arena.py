"""Arenas: each thread works in one of its own, until there are as many as 8 for each CPU (2 on 32 bits)
(malloc/arena.c: arena_get2, reused_arena, _int_new_arena, get_free_list, __malloc_arena_thread_freeres).

An arena whose threads have all ended waits on the free list for the next new thread.

Known deviations: nobody ever holds an arena's lock when another thread comes.
"""

from __future__ import annotations

from memsh.libc.abi import NBINS, NONCONTIGUOUS, PREV_INUSE, TCACHE_MAX_BINS, Abort
from memsh.libc.intmalloc import IntMalloc


class Arenas(IntMalloc):
    """Whose memory a thread takes."""

    __slots__ = ()

    def arena_get(self, size: int) -> None:
        """Work in the thread's arena; `size` is what will be asked of it first."""
        arena = self.main_arena
        if self.threaded:
            arena = self.w[self.thread_arena] or (self.arena_get2(size) if self.tls else arena)
        if arena and arena != self.arena:
            self.use(arena)

    def _attach(self, arena: int) -> None:
        """The thread works in `arena` from now on, and no longer in the one before."""
        old = self.w[self.thread_arena]
        if old:
            self._add(self.abi.state_at(old).attached_threads, -1)
        self.st(self.thread_arena, arena)

    def arena_get2(self, size: int) -> int:
        """An arena for a thread that has none, or not enough in its own; 0 if there is no memory for one."""
        w, st = self.w, self.st
        arena = w[self.free_list]
        if arena:
            state = self.abi.state_at(arena)
            st(self.free_list, w[state.next_free])
            st(state.attached_threads, 1)
            self._attach(arena)
            return arena
        count = w[self.narenas] + 1
        limit = w[self.narenas_limit]
        if not limit:
            if w[self.mp.arena_max]:
                limit = w[self.mp.arena_max]
            elif count > w[self.mp.arena_test]:
                limit = self.mem.nprocs() * self.abi.arenas_per_core
            st(self.narenas_limit, limit)
        if count > (limit - 1 & self.low):
            return self.reused_arena()
        arena = self.int_new_arena(size)
        if arena:
            st(self.narenas, count)
        return arena

    def init_state(self) -> None:
        """Every bin empty, top an empty chunk (malloc_init_state)."""
        for index in range(1, NBINS):
            header = self.bin_at(index)
            self.st(header + self.fd, header)
            self.st(header + self.bk, header)
        if self.non_main:
            self.store_int(self.av.flags, NONCONTIGUOUS)
        else:
            self.st(self.global_max_fast, self.abi.default_max_fast)
        self.st(self.av.top, self.unsorted)

    def int_new_arena(self, size: int) -> int:
        """A new arena at the beginning of a heap of its own; 0 if there is no memory for it."""
        w, st, sz, abi = self.w, self.st, self.sz, self.abi
        least, pad = abi.heap_info + abi.state.size + abi.alignment, w[self.mp.top_pad]
        heap = self.new_heap(size + least, pad) or self.new_heap(least, pad)
        if not heap:
            return 0
        arena = heap + abi.heap_info
        st(heap, arena)
        self.use(arena)
        self.init_state()
        av, length = self.av, w[heap + 2 * sz]
        st(av.attached_threads, 1)
        st(av.system_mem, length)
        st(av.max_system_mem, length)
        top = av.size + (-(av.size + self.hdr) & abi.mask)
        st(av.top, top)
        st(top + sz, heap + length - top | PREV_INUSE)
        main_next = abi.state_at(self.main_arena).next
        st(av.next, w[main_next])
        st(main_next, arena)
        self._attach(arena)
        return arena

    def reused_arena(self) -> int:
        """The arena whose turn it is, though others work in it."""
        w, st = self.w, self.st
        arena = w[self.next_to_use] or self.main_arena
        state = self.abi.state_at(arena)
        old = w[self.thread_arena]
        if old:
            self._add(self.abi.state_at(old).attached_threads, -1)
        self._remove_from_free_list(arena)
        self._add(state.attached_threads, 1)
        st(self.thread_arena, arena)
        st(self.next_to_use, w[state.next])
        return arena

    def _remove_from_free_list(self, arena: int) -> None:
        before = self.free_list
        while p := self.w[before]:
            following = self.abi.state_at(p).next_free
            if p == arena:
                self.st(before, self.w[following])
                return
            before = following

    def arena_get_retry(self, size: int) -> None:
        """The arena has no memory: try the main one; another one if it was that."""
        if self.arena != self.main_arena:
            self.use(self.main_arena)
        else:
            arena = self.arena_get2(size)
            if arena:
                self.use(arena)

    def locked(self, request: int, size: int = 0) -> int:
        """int_malloc() in the thread's arena, and in another one if that fails; 0 with errno ENOMEM."""
        if not self.threaded:
            if self.arena != self.main_arena:
                self.use(self.main_arena)
            return self.int_malloc(request)
        self.arena_get(size or request)
        mem = self.int_malloc(request)
        if not mem:
            self.arena_get_retry(request)
            mem = self.int_malloc(request)
        return mem

    # -- the thread's cache, and its end

    def tcache_init(self) -> int:
        """Make the thread's cache; 0 without memory for it, and in a thread that is ending."""
        if self.shutting_down:
            return 0
        size = self.abi.tcache_size
        cache = self.locked(size)
        if cache:
            self.st(self.tcache, cache)
            self.mem.fill(cache, 0, size)
        return cache

    def _free_chunk(self, mem: int) -> None:
        p = mem - self.hdr
        self.use(self.arena_for_chunk(p))
        self.int_free(p, False)

    def thread_freeres(self) -> None:
        """The thread ends: its cache goes back to the arenas, its arena to the free list if nobody else is there."""
        w, st = self.w, self.st
        cache = w[self.tcache]
        self.shutting_down = True
        if cache:
            st(self.tcache, 0)
            for index in range(TCACHE_MAX_BINS):
                entry = cache + self.abi.tcache_entries + index * self.sz
                while mem := w[entry]:
                    if mem & 15:
                        raise Abort("tcache_thread_shutdown(): unaligned tcache chunk detected")
                    st(entry, mem >> 12 ^ w[mem])
                    self._free_chunk(mem)
            self._free_chunk(cache)
        arena = w[self.thread_arena] or (0 if self.tls else self.main_arena)
        if arena:
            state = self.abi.state_at(arena)
            st(self.thread_arena, 0)
            if not self._add(state.attached_threads, -1):
                st(state.next_free, w[self.free_list])
                st(self.free_list, arena)

    def fork_unlock_child(self) -> None:
        """After fork, in the child: every arena but the thread's own is on the free list."""
        w, st, main = self.w, self.st, self.main_arena
        if not w[self.abi.state_at(main).top]:
            return
        mine = w[self.thread_arena] or (0 if self.tls else main)
        if mine:
            st(self.abi.state_at(mine).attached_threads, 1)
        st(self.free_list, 0)
        arena = main
        while True:
            state = self.abi.state_at(arena)
            if arena != mine:
                st(state.attached_threads, 0)
                st(state.next_free, w[self.free_list])
                st(self.free_list, arena)
            arena = w[state.next]
            if arena == main:
                return
