"""What /sys of the recorded machines has beside what memsh computes: lists, whose language memsh.procfs.listing tells.

They were made from the recorded kernels, each with one and with several CPUs, and with different amounts of RAM: what
differs between two of them is no text of a list, but computed or not there.
"""

from pathlib import Path

FOLDER = Path(__file__).parent / "sysfs"


def _texts(*names: str) -> list[str]:
    return [(FOLDER / f"{name}.txt").read_text("ascii") for name in ("both", *names)]


def i386() -> list[str]:
    return _texts("i386")


def x86_64() -> list[str]:
    return _texts("x86_64")


def dynamic_debug() -> str:
    """The messages for debugging of the x86_64 kernel."""
    return (FOLDER / "dynamic_debug.txt").read_text("ascii")
