"""lsmod: the modules that the kernel has loaded, from /proc/modules (kmod 30, tools/lsmod.c)."""

from __future__ import annotations

from memsh.procps.reader import Exit, Frames, ProcReader

_WHERE = "ERROR ../libkmod/libkmod-module.c:1725 kmod_module_new_from_loaded"


def frames(reader: ProcReader, argv: list[str]) -> Frames:
    """What lsmod prints. It takes no word."""
    if argv:
        raise Exit(1, "Usage: lsmod\n")
    try:
        lines = reader.read("/proc/modules").splitlines()
    except OSError as error:
        raise Exit(1, f"libkmod: {_WHERE}: could not open /proc/modules: {error.strerror}\n"
                      f"Error: could not get list of modules: {error.strerror}\n") from None  # fmt: skip
    yield "Module                  Size  Used by\n"
    for line in lines:
        name, size, count, users, *_ = [*line.split(), "", "", "", ""]
        users = "" if users == "-" else users.strip(",")
        yield f"{name:<19} {size:>8}  {count}{' ' * bool(users)}{users}\n"
