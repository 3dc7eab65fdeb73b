"""Tunables that take words, lists or masks (kernel/sysctl.c, kernel/seccomp.c, printk.c, watchdog.c, net/).

A store gets what is written and answers what is shown from then on. No known deviations.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from memsh.lazy import regular
from memsh.linux.config import cpulist_text
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import PAGE_SIZE
from memsh.linux.kernel.proc_handlers import proc_get_long
from memsh.linux.kernel.sysctl_net import NET
from memsh.linux.kernel.sysctl_table import WORDS
from memsh.linux.lib.bitmap import bitmap_parse

if TYPE_CHECKING:
    from memsh.linux.box import Box

Store = Callable[["Box", str], str]
UTS_LEN = 64
PORTS = 1 << 16
NR_CPUS = {4: 8, 8: 8192}  # by the bytes of a word
TCP_CA_NAME_MAX = 16
FASTOPEN_KEY_TEXT = 2 * (2 * 16 + 5)  # two keys of 16 bytes with their dashes and commas
DEVKMSG_CHOICES = ("on", "off", "ratelimit")
AVAILABLE = WORDS["kernel.seccomp.actions_avail"][0].split()
CONGESTION_CONTROLS = NET["net.ipv4.tcp_available_congestion_control"].split()
ALLOWED = "net.ipv4.tcp_allowed_congestion_control"
_KEY = regular(r"\s*([0-9a-fA-F]{1,8})-([0-9a-fA-F]{1,8})-([0-9a-fA-F]{1,8})-([0-9a-fA-F]{1,8})", re.ASCII)


def proc_dostring(text: str, maxlen: int) -> str:
    """The first line, and of it what there is room for with its end."""
    return re.split("[\0\n]", text, maxsplit=1)[0][: maxlen - 1]


def _names(text: str, known: Iterable[str], error: str) -> list[str]:
    """Words with one blank between them, up to the first that is none: in the order of those that are `known`."""
    words: list[str] = []
    for word in text.split(" "):
        if not word:
            break
        if word not in known:
            raise KernelError(error, f"{word!r} is none of them")
        words.append(word)
    return [word for word in known if word in words]


def _large_bitmap(text: str, size: int) -> set[int]:
    """proc_do_large_bitmap(): numbers below `size` and ranges, commas or lines between them."""
    found: set[int] = set()
    rest = text[: PAGE_SIZE - 1].lstrip("\n")
    while rest:
        first, negative, rest = proc_get_long(rest, 64, "-,\n")
        last = first
        if rest[:1] == "-":
            last, negative, rest = proc_get_long(rest[1:], 64, ",\n\0")
        if negative or not first <= last < size:
            raise KernelError("EINVAL", f"they are below {size}")
        found.update(range(first, last + 1))
        rest = rest[1:].lstrip("\n")
    return found


def _devkmsg(box: Box, text: str) -> str:
    """Only as a whole line."""
    word = text.removesuffix("\n")
    if word not in DEVKMSG_CHOICES or word == text:
        raise KernelError("EINVAL", "on, off or ratelimit, and the end of the line")
    return word


def _actions_logged(box: Box, text: str) -> str:
    logged = _names(proc_dostring(text, len(" ".join(AVAILABLE)) + 1), AVAILABLE, "EINVAL")
    if "allow" in logged:
        raise KernelError("EINVAL", "what is allowed is never logged")
    return " ".join(logged)


def _congestion_control(box: Box, text: str) -> str:
    """What is the default, everybody may use."""
    name = proc_dostring(text, TCP_CA_NAME_MAX)
    if name not in CONGESTION_CONTROLS:
        raise KernelError("ENOENT")
    allowed = {*box.sysctl.text[ALLOWED].split(), name}
    box.sysctl.text[ALLOWED] = " ".join(word for word in CONGESTION_CONTROLS if word in allowed)
    return name


def _allowed_congestion_control(box: Box, text: str) -> str:
    return " ".join(_names(proc_dostring(text, PAGE_SIZE), CONGESTION_CONTROLS, "ENOENT"))


def _fastopen_key(box: Box, text: str) -> str:
    """One key, or two with a comma between."""
    shown = []
    for key in proc_dostring(text, FASTOPEN_KEY_TEXT).split(",", 1):
        found = _KEY.match(key)
        if found is None:
            raise KernelError("EINVAL", "a key is four numbers in hexadecimal with dashes between")
        shown.append("-".join(word.lower().zfill(8) for word in found.groups()))
    return ",".join(shown)


def _watchdog_cpumask(box: Box, text: str) -> str:
    return cpulist_text(cpu for cpu in sorted(_large_bitmap(text, NR_CPUS[box.arch.word])) if cpu < box.config.present)


def _flow_limit_cpu_bitmap(box: Box, text: str) -> str:
    mask = bitmap_parse(text, box.config.present)
    return f"{mask:0{-(-box.config.present // 4)}x}"


def _numa_zonelist_order(box: Box, text: str) -> str:
    if text[:1].lower() != "d" and text[:1].lower() != "n":
        raise KernelError("EINVAL", "only Node ordering is there")
    return "Node"


def _ranges(box: Box, text: str) -> str:
    return cpulist_text(sorted(_large_bitmap(text, PORTS)))


def _line(maxlen: int) -> Store:
    return lambda box, text: proc_dostring(text, maxlen)


STORES: dict[str, Store] = {
    "kernel.core_pattern": _line(128), "kernel.domainname": _line(UTS_LEN + 1), "kernel.hostname": _line(UTS_LEN + 1),
    "kernel.modprobe": _line(256), "kernel.poweroff_cmd": _line(256),
    "kernel.printk_devkmsg": _devkmsg, "kernel.seccomp.actions_logged": _actions_logged,
    "kernel.watchdog_cpumask": _watchdog_cpumask,
    "net.core.flow_limit_cpu_bitmap": _flow_limit_cpu_bitmap,
    "net.ipv4.ip_local_reserved_ports": _ranges,
    "net.ipv4.tcp_allowed_congestion_control": _allowed_congestion_control,
    "net.ipv4.tcp_congestion_control": _congestion_control, "net.ipv4.tcp_fastopen_key": _fastopen_key,
    "vm.numa_zonelist_order": _numa_zonelist_order,
}  # fmt: skip
