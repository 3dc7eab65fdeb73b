"""slabtop: kernel slab caches (procps-ng 4.0.2, src/slabtop.c).

Known deviations: without -o each frame is the screen's text (summary and rows - 8 caches); a terminal is handled above.
"""

from __future__ import annotations

from collections.abc import Callable

from memsh.procps.options import Grammar, usage
from memsh.procps.reader import Frames, Pause, ProcReader, Result, finish
from memsh.procps.slabs import Cache, caches

USAGE = usage(
    "slabtop",
    "[options]",
    " -d, --delay <secs>  delay updates\n"
    " -o, --once          only display once, then exit\n"
    " -s, --sort <char>   specify sort criteria by character (see below)\n\n",
    "\nThe following are valid sort criteria:\n"
    " a: sort by number of active objects\n"
    " b: sort by objects per slab\n"
    " c: sort by cache size\n"
    " l: sort by number of slabs\n"
    " v: sort by (non display) number of active slabs\n"
    " n: sort by name\n"
    " o: sort by number of objects (the default)\n"
    " p: sort by (non display) pages per slab\n"
    " s: sort by object size\n"
    " u: sort by cache utilization\n"
    "\nFor more details see slabtop(1).\n",
)
GRAMMAR = Grammar(
    "slabtop",
    "d:s:ohV",
    {"delay=": "d", "sort=": "s", "once": "o", "help": "h", "version": "V"},
    USAGE,
)
HEADING = f"{'  OBJS ACTIVE  USE OBJ SIZE  SLABS OBJ/SLAB CACHE SIZE NAME':<78}\n"


def _key_active_objs(cache: Cache) -> int:
    return cache.active_objs


def _key_objs_per_slab(cache: Cache) -> int:
    return cache.objs_per_slab


def _key_cache_size(cache: Cache) -> int:
    return cache.cache_size


def _key_slabs(cache: Cache) -> int:
    return cache.num_slabs


def _key_active_slabs(cache: Cache) -> int:
    return cache.active_slabs


def _key_objs(cache: Cache) -> int:
    return cache.num_objs


def _key_pages(cache: Cache) -> int:
    return cache.pages_per_slab


def _key_size(cache: Cache) -> int:
    return cache.obj_size


def _key_use(cache: Cache) -> int:
    return cache.use


SORT_KEYS: dict[str, Callable[[Cache], int]] = {
    "a": _key_active_objs,
    "b": _key_objs_per_slab,
    "c": _key_cache_size,
    "l": _key_slabs,
    "v": _key_active_slabs,
    "o": _key_objs,
    "p": _key_pages,
    "s": _key_size,
    "u": _key_use,
}


def run(reader: ProcReader, argv: list[str], width: int = 80, rows: int = 24) -> Result:
    """Print the slab caches; `argv` without the program's name."""
    return finish(frames(reader, argv, width, rows))


def frames(reader: ProcReader, argv: list[str], width: int = 80, rows: int = 24) -> Frames:
    """One screen after another; with -o one, whole."""
    delay, once, key = parse(argv)
    while True:
        found = read(reader)
        yield screen(found, key, 0 if once else rows)
        if once:
            return
        yield Pause(delay, True)


def parse(argv: list[str]) -> tuple[int, bool, str]:
    """(delay in seconds, -o, the sort key) that the options ask for."""
    delay = 0
    once = False
    key = "o"
    operands: list[str] = []
    for option, value in GRAMMAR.options(argv, operands):
        if option in "do" and (once if option == "d" else delay):
            raise GRAMMAR.die("Cannot combine -d and -o options")
        if option == "d":
            assert value is not None
            delay = GRAMMAR.integer(value, "illegal delay")
            if delay < 1:
                raise GRAMMAR.die("delay must be positive integer")
        elif option == "s":
            key = (value or "o")[0].lower()
        elif option == "o":
            once = True
        elif option == "V":
            raise GRAMMAR.version()
        else:
            raise GRAMMAR.help()
    if operands:
        raise GRAMMAR.fail()
    return delay or 3, once, key


def read(reader: ProcReader) -> list[Cache]:
    """The caches; Exit if they cannot be read."""
    try:
        return caches(reader)
    except OSError as error:
        raise GRAMMAR.die(f"Unable to create slabinfo structure: {error.strerror}") from None


def screen(found: list[Cache], key: str, rows: int) -> str:
    """Summary, heading and the first rows - 8 caches; all of them for 0 rows."""
    shown = order(found, key)
    return summary(found) + HEADING + "".join(map(_row, shown[: max(0, rows - 8)] if rows else shown))


def order(found: list[Cache], key: str) -> list[Cache]:
    """Sorted as -s asks: names rising, everything else falling; equals keep the file's order."""
    if key == "n":
        return sorted(found, key=lambda cache: cache.name)
    return sorted(found, key=SORT_KEYS.get(key, _key_objs), reverse=True)


def _percent(part: int, whole: int) -> str:
    return f"{100.0 * part / whole:.1f}" if whole else "-nan" if not part else "inf"


def summary(found: list[Cache]) -> str:
    """The five lines above the table and the empty one below them."""
    sums = [
        ("Active / Total Objects (% used)", sum(c.active_objs for c in found), sum(c.num_objs for c in found)),
        ("Active / Total Slabs (% used)", sum(c.active_slabs for c in found), sum(c.num_slabs for c in found)),
        ("Active / Total Caches (% used)", sum(1 for c in found if c.num_objs), len(found)),
    ]
    lines = [f" {label:<35}: {part} / {whole} ({_percent(part, whole)}%)\n" for label, part, whole in sums]
    active = sum(c.active_objs * c.obj_size for c in found)
    total = sum(c.num_objs * c.obj_size for c in found)
    objects = sums[0][2]
    label = "Active / Total Size (% used)"
    lines.append(f" {label:<35}: {active / 1024:.2f}K / {total / 1024:.2f}K ({_percent(active, total)}%)\n")
    least = min((c.obj_size for c in found), default=0x7FFFFFFF)
    most = max((c.obj_size for c in found), default=0)
    mean = total // objects if objects else 0
    label = "Minimum / Average / Maximum Object"
    lines.append(f" {label:<35}: {least / 1024:.2f}K / {mean / 1024:.2f}K / {most / 1024:.2f}K\n\n")
    return "".join(lines)


def _row(cache: Cache) -> str:
    return (
        f"{cache.num_objs:6} {cache.active_objs:6} {cache.use:3}% {cache.obj_size / 1024:7.2f}K {cache.num_slabs:6}"
        f" {cache.objs_per_slab:8} {cache.cache_size // 1024:9}K {cache.name:<23}\n"
    )
