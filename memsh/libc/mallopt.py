"""malloc's options: mallopt(), and what the environment says in GLIBC_TUNABLES and in MALLOC_… variables
(malloc/malloc.c, do_set_*, __libc_mallopt; malloc/arena.c, ptmalloc_init; elf/dl-tunables.c, elf/dl-tunables.list).

Known deviations: glibc.malloc.check has no library to turn on; tunables of other subsystems are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from memsh.libc.arena import Arenas
from memsh.linux.include.flags import MAP_HUGE_SHIFT, MAP_HUGETLB

M_MXFAST, M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX = 1, -1, -2, -3, -4
M_CHECK_ACTION, M_PERTURB, M_ARENA_TEST, M_ARENA_MAX = -5, -6, -7, -8
PARAMETERS = {
    "M_MXFAST": M_MXFAST, "M_TRIM_THRESHOLD": M_TRIM_THRESHOLD, "M_TOP_PAD": M_TOP_PAD,
    "M_MMAP_THRESHOLD": M_MMAP_THRESHOLD, "M_MMAP_MAX": M_MMAP_MAX, "M_CHECK_ACTION": M_CHECK_ACTION,
    "M_PERTURB": M_PERTURB, "M_ARENA_TEST": M_ARENA_TEST, "M_ARENA_MAX": M_ARENA_MAX,
}  # fmt: skip
MAX_TCACHE_COUNT = 0xFFFF
UINT64_MAX = (1 << 64) - 1
NAMESPACE = "glibc.malloc."


class Tunable(NamedTuple):
    """A line of dl-tunables.list. `int32`: compared as a signed int, else as a size_t; `most` 0: the type's own."""

    name: str
    alias: str
    int32: bool = False
    least: int = 0
    most: int = 0


TUNABLES = (  # in the order in which ptmalloc_init() asks for them
    Tunable("top_pad", "MALLOC_TOP_PAD_"),
    Tunable("perturb", "MALLOC_PERTURB_", True, 0, 0xFF),
    Tunable("mmap_threshold", "MALLOC_MMAP_THRESHOLD_"),
    Tunable("trim_threshold", "MALLOC_TRIM_THRESHOLD_"),
    Tunable("mmap_max", "MALLOC_MMAP_MAX_", True),
    Tunable("arena_max", "MALLOC_ARENA_MAX", least=1),
    Tunable("arena_test", "MALLOC_ARENA_TEST", least=1),
    Tunable("tcache_max", ""),
    Tunable("tcache_count", ""),
    Tunable("tcache_unsorted_limit", ""),
    Tunable("mxfast", ""),
    Tunable("hugetlb", ""),
)
ENVIRONMENT = frozenset({"GLIBC_TUNABLES", *(tunable.alias for tunable in TUNABLES if tunable.alias)})


def strtoul(text: str) -> int:
    """_dl_strtoul(): decimal, 0x… or 0…, as many digits as there are, 64 bits; negative numbers wrap around."""
    text = text.lstrip(" \t")
    negative = text[:1] == "-"
    if text[:1] in ("-", "+"):
        text = text[1:]
    if not "0" <= text[:1] <= "9":
        return 0
    base, digits = 10, "0123456789"
    if text[0] == "0":
        if text[1:2] in ("x", "X"):
            base, digits, text = 16, "0123456789abcdef", text[2:]
        else:
            base, digits = 8, "01234567"
    result = 0
    for letter in text.lower():
        value = digits.find(letter)
        if value < 0:
            break
        if result >= (UINT64_MAX - value) // base:
            return UINT64_MAX
        result = result * base + value
    return -result & UINT64_MAX if negative else result


def pairs(text: str) -> Iterable[tuple[str, str]]:
    """Names and values of GLIBC_TUNABLES (parse_tunables)."""
    place = 0
    while True:
        end = place
        while end < len(text) and text[end] not in "=:":
            end += 1
        if end == len(text):
            return
        if text[end] == ":":
            place = end + 1
            continue
        name = text[place:end]
        value, colon, _ = text[end + 1 :].partition(":")
        yield name, value
        if not colon:
            return
        place = end + 1 + len(value) + 1


class Options(Arenas):
    """What a program or its environment may choose."""

    __slots__ = ()

    def start(self) -> None:
        """Make ready for the first call, if this is it (ptmalloc_init)."""
        if not self.w[self.main_top]:
            self.use(self.main_arena)
            self.init_state()
            self.apply_tunables(self.mem.environ())

    def _read_tunables(self, environ: Iterable[str]) -> dict[str, int]:
        """The values that the environment gives, by the tunables' names; those out of bounds are left out."""
        known = {NAMESPACE + tunable.name: tunable for tunable in TUNABLES}
        aliases = {tunable.alias: tunable for tunable in TUNABLES if tunable.alias}
        found: dict[str, int] = {}

        def offer(tunable: Tunable, text: str) -> None:
            value = strtoul(text)
            most = tunable.most or (0x7FFFFFFF if tunable.int32 else self.low)
            if tunable.int32 and value >> 63:
                value -= 1 << 64
            if tunable.least <= value <= most:
                found[tunable.name] = value

        for line in environ:
            name, _, text = line.partition("=")
            if name == "GLIBC_TUNABLES":
                for key, value in pairs(text):
                    if key in known:
                        offer(known[key], value)
            elif name in aliases and aliases[name].name not in found:
                offer(aliases[name], text)
        return found

    def apply_tunables(self, environ: Iterable[str]) -> None:
        """What ptmalloc_init() takes from the environment."""
        found = self._read_tunables(environ)
        for tunable in TUNABLES:
            if tunable.name in found:
                self._set(tunable.name, found[tunable.name])

    def _set(self, name: str, value: int) -> int:
        """do_set_…(): whether `value`, a size_t or an int, was taken."""
        st, mp, abi = self.st, self.mp, self.abi
        if name == "mxfast":
            if value > abi.max_fast_size:
                return 0
            st(self.global_max_fast, value + self.sz & ~abi.mask if value else self.minsize // 2)
        elif name == "perturb":
            self.store_int(self.perturb_byte, value)
        elif name in ("arena_test", "arena_max"):
            st(getattr(mp, name), value)
        elif name == "tcache_max":
            if value > abi.max_tcache_size:
                return 0
            st(mp.tcache_max_bytes, value)
            st(mp.tcache_bins, abi.csize2tidx(abi.request2size(value)) + 1)
        elif name == "tcache_count":
            if value > MAX_TCACHE_COUNT:
                return 0
            st(mp.tcache_count, value)
        elif name == "hugetlb":
            if value == 1:
                st(mp.thp_pagesize, self.mem.thp_size())
            elif value > 1:
                size = self.mem.hugetlb_size(0 if value == 2 else value)
                st(mp.hp_pagesize, size)
                self.store_int(mp.hp_flags, MAP_HUGETLB | size.bit_length() - 1 << MAP_HUGE_SHIFT if size else 0)
        elif name == "tcache_unsorted_limit":
            st(mp.tcache_unsorted_limit, value)
        else:
            if name == "mmap_max":
                self.store_int(mp.n_mmaps_max, value)
            else:
                st(getattr(mp, name), value)
            self.store_int(mp.no_dyn_threshold, 1)
        return 1

    def mallopt(self, parameter: int, value: int) -> int:
        """Set a parameter, an int by an int; 1 if it was taken. What glibc does not know it takes in silence."""
        self.start()
        self.use(self.main_arena)
        self.malloc_consolidate()
        if parameter in (M_ARENA_TEST, M_ARENA_MAX) and value <= 0:
            return 1
        name = _SETTERS.get(parameter)
        if name is None:
            return 1
        return self._set(name, value if name in ("perturb", "mmap_max") else value & self.low)


_SETTERS = {
    M_MXFAST: "mxfast", M_TRIM_THRESHOLD: "trim_threshold", M_TOP_PAD: "top_pad",
    M_MMAP_THRESHOLD: "mmap_threshold", M_MMAP_MAX: "mmap_max", M_PERTURB: "perturb", M_ARENA_TEST: "arena_test",
    M_ARENA_MAX: "arena_max",
}  # fmt: skip
