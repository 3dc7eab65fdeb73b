"""The command line word by word (kernel/params.c: parse_args), and what it says of the console (init/main.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def console_loglevel(config: Config, default: int) -> int:
    """What quiet, debug and loglevel= make of it; the last one counts."""
    for name, value in words(config):
        if name == "quiet" and value is None:
            default = LOGLEVEL_QUIET
        elif name == "debug" and value is None:
            default = LOGLEVEL_DEBUG
        elif name == "loglevel" and value is not None and (value.isascii() and value.isdecimal()):
            default = int(value)
    return default
