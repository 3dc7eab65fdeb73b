"""What every folder of a device below /sys/devices has: its uevent, and how it saves power (drivers/base/core.c,
power/sysfs.c). No device here does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.procfs.node import Directory, Node, ProcFile

if TYPE_CHECKING:
    from memsh.linux.box import Box

ACTIONS = frozenset(("add", "remove", "change", "move", "online", "offline", "bind", "unbind"))


def refusing(code: str) -> Callable[[Box], str]:
    """A show that only says why not."""

    def show(box: Box) -> str:
        raise KernelError(code)

    return show


def _control(box: Box, text: str) -> None:
    if text.removesuffix("\n") not in ("auto", "on"):
        raise KernelError("EINVAL", "auto or on")


def _no_number(box: Box, text: str) -> None:
    raise KernelError("EIO")


def _uevent(box: Box, text: str) -> None:
    """kobject_synth_uevent(): an action that there is is told to nobody."""
    if not ACTIONS.intersection(text.split(None, 1)[:1]):
        raise KernelError("EINVAL")


def _no_device(box: Box, text: str) -> None:
    raise KernelError("ENODEV")  # none of that name without, or with, this driver


def keeping(shown: Callable[[Box], str | None]) -> Callable[[Box, str], None]:
    """A store that takes what is there already; EINVAL for anything else, and where nothing can be read."""

    def store(box: Box, text: str) -> None:
        there = shown(box)
        if there is None or text.strip() != there.strip():
            raise KernelError("EINVAL", f"{there.strip()} is all that it can be" if there else "")

    return store


_BY_NAME = {"autosuspend_delay_ms": _no_number, "bind": _no_device, "control": _control, "drivers_probe": _no_device,
            "uevent": _uevent, "unbind": _no_device}  # fmt: skip


def storing(name: str, shown: Callable[[Box], str | None]) -> Callable[[Box, str], None]:
    """What a file of a device, of a driver or of a bus does with what is written to it, by its name."""
    return _BY_NAME.get(name) or keeping(shown)


def power(latency: ProcFile | None = None) -> Directory:
    """`latency`: where a CPU may be told how long its wake-up may take."""
    files: dict[str, Node] = {
        "autosuspend_delay_ms": ProcFile(refusing("EIO"), _no_number, 0o644),  # as long as it does not use autosuspend
        "control": ProcFile(lambda box: "auto\n", _control, 0o644),
        "runtime_active_time": ProcFile(lambda box: "0\n"), "runtime_status": ProcFile(lambda box: "unsupported\n"),
        "runtime_suspended_time": ProcFile(lambda box: "0\n"),
    }  # fmt: skip
    if latency is not None:
        files["pm_qos_resume_latency_us"] = latency
    return Directory(files, 0o755)


def uevent(text: str = "") -> ProcFile:
    return ProcFile(lambda box: text, _uevent, 0o644)


def device(files: dict[str, Node], text: str = "") -> Directory:
    """A device's folder with `files` and what all have."""
    return Directory({"power": power(), "uevent": uevent(text), **files}, 0o755)
