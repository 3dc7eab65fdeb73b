"""crashkernel=: memory kept for the kernel that is started after a crash (kernel/crash_core.c: parse_crashkernel;
arch/x86/kernel/setup.c: reserve_crashkernel). A kernel without kexec takes no notice of it.

Known deviations: no kernel is ever loaded there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.kern_levels import KERN_ERR, KERN_INFO, KERN_WARNING
from memsh.linux.kernel.cmdline import words
from memsh.linux.lib.cmdline import memparse

if TYPE_CHECKING:
    from memsh.linux.arch.x86.setup import Logger, Machine
    from memsh.linux.config import Config

ALIGN = 16 << 20  # CRASH_ALIGN
ROUND = 128 << 20  # the firmware keeps some of the RAM for itself
LOW_MAX, HIGH_MAX = 1 << 32, 64 << 40  # CRASH_ADDR_LOW_MAX, CRASH_ADDR_HIGH_MAX
LOW_LEAST = 256 << 20  # what devices get below 4 GiB, if the rest lies above
_SUFFIXES = ("high", "low")
NAME = "Crash kernel"


def _last(config: Config, suffix: str) -> str | None:
    """The last of the parameters with that suffix, or without one (get_last_crashkernel)."""
    found = None
    for name, value in words(config):
        if name == "crashkernel" and value is not None:
            ending = value.rpartition(",")[2]
            if (ending == suffix) if suffix else ending not in _SUFFIXES:
                found = value
    return found


class _Bad(Exception):
    """The parameter does not follow its grammar; the message is what the log says."""


def _number(text: str, words: str) -> tuple[int, str]:
    number, rest = memparse(text)
    if rest == text:
        raise _Bad(words)
    return number, rest


def _parse_mem(text: str, ram: int, log: Logger) -> tuple[int, int]:
    """`512M-2G:64M,2G-:128M@16M`: what the range says in which the RAM lies, rounded up (parse_crashkernel_mem)."""
    ram = -(-ram // ROUND) * ROUND
    at = "," + text
    found = 0
    while at.startswith(",") and not found:
        start, at = _number(at[1:], "crashkernel: Memory value expected")
        if not at.startswith("-"):
            raise _Bad("crashkernel: '-' expected")
        at, end = at[1:], 1 << 64
        if not at.startswith(":"):
            end, at = _number(at, "crashkernel: Memory value expected")
            if end <= start:
                raise _Bad("crashkernel: end <= start")
        if not at.startswith(":"):
            raise _Bad("crashkernel: ':' expected")
        size, at = _number(at[1:], "Memory value expected")
        if size >= ram:
            raise _Bad("crashkernel: invalid size")
        if start <= ram < end:
            found = size
            break
    if not found:
        log(KERN_INFO, "crashkernel size resulted in zero bytes")
        return 0, 0
    return found, _number(at.partition("@")[2], "Memory value expected after '@'")[0] if "@" in at else 0


def _parse_simple(text: str) -> tuple[int, int]:
    """`64M`, `64M@16M`: (size, base)."""
    size, rest = _number(text, "crashkernel: memory value expected")
    if rest and not rest.startswith("@"):
        raise _Bad(f"crashkernel: unrecognized char: {rest[0]}")
    return size, memparse(rest[1:])[0]


def _parse_suffix(text: str, suffix: str) -> int:
    """`256M,high`."""
    size, rest = _number(text, "crashkernel: memory value expected")
    if rest != f",{suffix}":
        raise _Bad(f"crashkernel: unrecognized char: {rest[0]}")
    return size


def _parse(config: Config, suffix: str, ram: int, log: Logger) -> tuple[int, int] | None:
    """(size, base, 0 if any will do); None if there is no such parameter, or it is wrong, which is logged."""
    text = _last(config, suffix)
    if text is None:
        return None
    try:
        if suffix:
            return _parse_suffix(text, suffix), 0
        return _parse_mem(text, ram, log) if ":" in text else _parse_simple(text)
    except _Bad as bad:
        log(KERN_WARNING, str(bad))
        return None


def reserve_crashkernel(config: Config, machine: Machine, log: Logger) -> None:
    """Take the memory, and tell of it; machine.crash is where it lies, [start, behind)."""
    memblock = machine.memblock
    ram = sum(region.end - region.start for region in memblock.memory)
    high = False
    size, base = _parse(config, "", ram, log) or (0, 0)
    if not size:
        high = True
        size, base = _parse(config, "high", ram, log) or (0, 0)
    if not size:
        return
    if base:
        fits = any(region.start <= base and base + size <= region.end for region in memblock.memory)
        if not fits or any(old.start < base + size and base < old.end for old in memblock.reserved):
            log(KERN_INFO, "crashkernel reservation failed - memory is in use.")
            return
        memblock.reserve(base, base + size, NAME)
    else:
        for limit in (HIGH_MAX,) if high else (LOW_MAX, HIGH_MAX):
            base = base or memblock.alloc(size, ALIGN, NAME, ((ALIGN, limit),))
        if not base:
            log(KERN_INFO, "crashkernel reservation failed - No suitable area found.")
            return
    if base >= LOW_MAX and not _reserve_low(config, machine, log):
        memblock.free(base, base + size)
        return
    log(KERN_INFO, f"Reserving {size >> 20}MB of memory at {base >> 20}MB for crashkernel (System RAM: {ram >> 20}MB)")
    machine.crash.append((base, base + size))


def _reserve_low(config: Config, machine: Machine, log: Logger) -> bool:
    """What lies above 4 GiB needs some memory below, for devices (reserve_crashkernel_low)."""
    limit = min(sum(region.end - region.start for region in machine.memblock.memory), LOW_MAX)
    asked = _parse(config, "low", limit, log)
    size = LOW_LEAST if asked is None else asked[0]
    if not size:
        return True
    base = machine.memblock.alloc(size, ALIGN, NAME, ((0, LOW_MAX),))
    if not base:
        log(KERN_ERR, f"Cannot reserve {size >> 20}MB crashkernel low memory, please try smaller size.")
        return False
    log(KERN_INFO, f"Reserving {size >> 20}MB of low memory at {base >> 20}MB for crashkernel (low RAM limit: "
                   f"{limit >> 20}MB)")  # fmt: skip
    machine.crash.append((base, base + size))
    return True
