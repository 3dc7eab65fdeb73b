"""free: how much memory is used (procps-ng 4.0.2, src/free.c and library/meminfo.c).

Known deviations: repeating with -s stops only where its reader's session stops it.
"""

from __future__ import annotations

from dataclasses import dataclass

from memsh.procps.figures import Memory, float32, long_size, memory
from memsh.procps.options import Grammar, usage
from memsh.procps.reader import Frames, Pause, ProcReader, Result, finish

USAGE = usage(
    "free",
    "[options]",
    " -b, --bytes         show output in bytes\n"
    "     --kilo          show output in kilobytes\n"
    "     --mega          show output in megabytes\n"
    "     --giga          show output in gigabytes\n"
    "     --tera          show output in terabytes\n"
    "     --peta          show output in petabytes\n"
    " -k, --kibi          show output in kibibytes\n"
    " -m, --mebi          show output in mebibytes\n"
    " -g, --gibi          show output in gibibytes\n"
    "     --tebi          show output in tebibytes\n"
    "     --pebi          show output in pebibytes\n"
    " -h, --human         show human-readable output\n"
    "     --si            use powers of 1000 not 1024\n"
    " -l, --lohi          show detailed low and high memory statistics\n"
    " -t, --total         show total for RAM + swap\n"
    " -v, --committed     show committed memory and commit limit\n"
    " -s N, --seconds N   repeat printing every N seconds\n"
    " -c N, --count N     repeat printing N times, then exit\n"
    " -w, --wide          wide output\n"
    "\n     --help     display this help and exit\n"
    " -V, --version  output version information and exit\n",
    "\nFor more details see free(1).\n",
    standard=False,
)
UNITS = {"kilo": 2, "mega": 3, "giga": 4, "tera": 5, "peta": 6, "tebi": 5, "pebi": 6, "b": 1, "k": 2, "m": 3, "g": 4}
GRAMMAR = Grammar(
    "free",
    "bkmghltvc:ws:V",
    {
        "bytes": "b",
        "kilo": "kilo",
        "mega": "mega",
        "giga": "giga",
        "tera": "tera",
        "peta": "peta",
        "kibi": "k",
        "mebi": "m",
        "gibi": "g",
        "tebi": "tebi",
        "pebi": "pebi",
        "human": "h",
        "si": "si",
        "lohi": "l",
        "total": "t",
        "committed": "v",
        "seconds=": "s",
        "count=": "c",
        "wide": "w",
        "help": "help",
        "version": "V",
    },
    USAGE,
)


@dataclass(slots=True)
class Settings:
    """What the options asked for."""

    exponent: int = 0
    si: bool = False
    human: bool = False
    lohi: bool = False
    total: bool = False
    committed: bool = False
    wide: bool = False
    repeat: bool = False
    count: int = 0
    seconds: float = 1.0
    long: int = 4


def run(reader: ProcReader, argv: list[str], width: int = 80) -> Result:
    """Print memory figures; `argv` without the program's name."""
    return finish(frames(reader, argv, width))


def frames(reader: ProcReader, argv: list[str], width: int = 80) -> Frames:
    """One table after another; without -s and -c just one."""
    settings = _parse(argv)
    left = settings.count
    while True:
        try:
            figures = memory(reader)
            settings.long = long_size(reader)
        except OSError:
            raise GRAMMAR.die("Memory information file /proc/meminfo does not exist") from None
        yield _table(figures, settings)
        if settings.count:
            left -= 1
            if left < 1:
                return
        if not settings.repeat:
            return
        yield "\n"
        yield Pause(settings.seconds, not settings.count)


def _parse(argv: list[str]) -> Settings:
    settings = Settings()
    unit_set = False
    operands: list[str] = []
    for key, value in GRAMMAR.options(argv, operands):
        if key in UNITS:
            if unit_set:
                raise GRAMMAR.die("Multiple unit options don't make sense.")
            unit_set = True
            settings.exponent = UNITS[key]
            settings.si = settings.si or key in ("kilo", "mega", "giga", "tera", "peta")
        elif key == "s":
            assert value is not None
            settings.repeat = True
            settings.seconds = GRAMMAR.seconds(value, "seconds argument failed")
            if settings.seconds * 1000000 < 1:
                raise GRAMMAR.die(f"seconds argument `{value}' is not positive number")
        elif key == "c":
            assert value is not None
            settings.repeat = True
            settings.count = GRAMMAR.integer(value, "failed to parse count argument")
            if settings.count < 1:
                raise GRAMMAR.die(f"failed to parse count argument: '{value}': Numerical result out of range")
        elif key == "help":
            raise GRAMMAR.help()
        elif key == "V":
            raise GRAMMAR.version()
        else:
            name = {"h": "human", "l": "lohi", "t": "total", "v": "committed", "w": "wide", "si": "si"}[key]
            setattr(settings, name, True)
    if operands:
        raise GRAMMAR.fail()
    return settings


def scale_size(size: int, settings: Settings) -> str:
    """A number of kB in the unit that was asked for."""
    base = 1000 if settings.si else 1024
    amount = size * 1024
    if not settings.human:
        if settings.exponent == 0:
            return str(_long(amount // base, settings.long))
        if settings.exponent == 1:
            return str(amount)
        value = int(amount / float(base) ** (settings.exponent - 1))
        least = 1 << 8 * settings.long - 1
        return str(value if value < least else -least)
    text = f"{amount}B"
    if len(text) <= 4:
        return text
    suffix, room = ("", 4) if settings.si else ("i", 5)
    for power, unit in enumerate("KMGTP", 1):
        value_f = amount / float(base) ** power
        text = f"{float32(value_f):.1f}{unit}{suffix}"
        if len(text) <= room:
            return text
        text = f"{int(value_f)}{unit}{suffix}"
        if len(text) <= room:
            return text
    return text


def _long(value: int, size: int) -> int:
    bits = 8 * size
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


def _table(m: Memory, settings: Settings) -> str:
    def row(label: str, *values: int) -> str:
        return f"{label:<9}" + " ".join(f"{scale_size(value, settings):>11}" for value in values) + "\n"

    if settings.wide:
        cache = "     buffers       cache"
        columns = [m.buffers, m.cached]
    else:
        cache = "  buff/cache"
        columns = [m.buffers + m.cached]
    lines = [f"               total        used        free      shared{cache}   available\n"]
    lines.append(row("Mem:", m.total, m.used, m.free, m.shared, *columns, m.available))
    if settings.lohi:
        lines.append(row("Low:", m.low_total, m.low_used, m.low_free))
        lines.append(row("High:", m.high_total, m.high_used, m.high_free))
    lines.append(row("Swap:", m.swap_total, m.swap_used, m.swap_free))
    if settings.total:
        lines.append(row("Total:", m.total + m.swap_total, m.used + m.swap_used, m.free + m.swap_free))
    if settings.committed:
        left = m.commit_limit - m.committed & (1 << 8 * settings.long) - 1
        lines.append(row("Comm:", m.commit_limit, m.committed, left))
    return "".join(lines)
