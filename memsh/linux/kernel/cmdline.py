"""The command line word by word (kernel/params.c: parse_args), and what it says of the console (init/main.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.digits import is_digits
from memsh.linux.include.errno import KernelError
from memsh.linux.lib.cmdline import memparse, simple_strtoull
from memsh.linux.lib.kstrtox import kstrtobool

if TYPE_CHECKING:
    from memsh.linux.config import Config

LOGLEVEL_QUIET, LOGLEVEL_DEBUG = 4, 10


def words(config: Config) -> list[tuple[str, str | None]]:
    """(name, value or None) of each parameter, up to `--`; a dash in a name is as good as an underscore."""
    found: list[tuple[str, str | None]] = []
    for word in config.cmdline.split():
        if word == "--":
            break
        name, given, value = word.partition("=")
        found.append((name, value if given else None))
    return found


_LOOSE = ("coredump_filter", "dhash_entries", "ihash_entries", "mhash_entries", "mphash_entries")
DUMP_FILTER = 0x33  # MMF_DUMP_FILTER_DEFAULT
_STRICT = ("thash_entries", "uhash_entries")


def setup_number(name: str, value: str | None) -> int | None:
    """What a parameter of __setup() that is a number says; None if it refuses its value, as one that is unknown."""
    if value is None:
        return None
    number, rest = simple_strtoull(value.removeprefix("+") if name in _STRICT else value)
    return None if name in _STRICT and (rest or not value) else number


def default_dump_filter(config: Config) -> int:
    """What a process that no other had before has in /proc/PID/coredump_filter (coredump_filter_setup)."""
    found = DUMP_FILTER
    for name, value in words(config):
        if name == "coredump_filter" and value is not None:
            found = (setup_number(name, value) or 0) & 0x1FF
    return found


def unused(name: str, value: str | None) -> bool:
    """Whether the kernel knows the parameter, but not like this: it counts as unknown."""
    name = name.replace("-", "_")
    if name == "stack_guard_gap":
        return value is None
    if name == "psi":
        return value is None or psi_says(value) is None
    return name in _LOOSE + _STRICT and setup_number(name, value) is None


def psi_says(value: str) -> bool | None:
    """What one psi= says; None if it is neither yes nor no."""
    try:
        return kstrtobool(value)
    except KernelError:
        return None


def psi_enabled(config: Config) -> bool:
    """What the last psi= that makes sense says."""
    said = [psi_says(value) for name, value in words(config) if name == "psi" and value is not None]
    return next((on for on in reversed(said) if on is not None), True)


_VALUED = ("highmem", "kernelcore", "log_buf_len", "memmap", "movablecore", "numa", "vmalloc")


def malformed(name: str, value: str | None) -> bool:
    """Whether an early parameter refuses its value (do_early_param): one is missing, or it is none of its kind."""
    if name == "loglevel":
        return value is None or (not is_digits(value[:1].removeprefix("-")) and value[:1] != "-")
    if name == "vsyscall":
        return value not in ("emulate", "xonly", "none")
    if name == "mem":
        return value is None or (value != "nopentium" and not memparse(value)[0])
    if name in ("init_on_alloc", "init_on_free", "hugetlb_free_vmemmap"):
        return value is None or (value[:1] not in ("y", "Y", "1", "n", "N", "0") and value[:2] not in ("on", "of"))
    return value is None and name in _VALUED


def console_loglevel(config: Config, default: int) -> int:
    """What quiet, debug and loglevel= make of it; the last one counts."""
    for name, value in words(config):
        if name == "quiet" and value is None:
            default = LOGLEVEL_QUIET
        elif name == "debug" and value is None:
            default = LOGLEVEL_DEBUG
        elif name == "loglevel" and value is not None and is_digits(value):
            default = int(value)
    return default
