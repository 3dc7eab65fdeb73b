"""What every folder of a device below /sys/devices has: its uevent, and how it saves power (drivers/base/core.c,
power/sysfs.c). No device here does.
"""

from __future__ import annotations

from memsh.linux.box import Box
from memsh.linux.include.errno import KernelError
from memsh.procfs.node import Directory, Node, ProcFile

ACTIONS = frozenset(("add", "remove", "change", "move", "online", "offline", "bind", "unbind"))


def _refuse(box: Box) -> str:
    raise KernelError("EIO")  # as long as the device does not use autosuspend


def _control(box: Box, text: str) -> None:
    if text.removesuffix("\n") not in ("auto", "on"):
        raise KernelError("EINVAL", "auto or on")


def _no_number(box: Box, text: str) -> None:
    raise KernelError("EIO")


def _uevent(box: Box, text: str) -> None:
    """kobject_synth_uevent(): an action that there is is told to nobody."""
    if not ACTIONS.intersection(text.split(None, 1)[:1]):
        raise KernelError("EINVAL")


def power(latency: bool = False) -> Directory:
    """`latency`: a CPU may be told how long its wake-up may take."""
    files: dict[str, Node] = {
        "autosuspend_delay_ms": ProcFile(_refuse, _no_number, 0o644),
        "control": ProcFile(lambda box: "auto\n", _control, 0o644),
        "runtime_active_time": ProcFile(lambda box: "0\n"), "runtime_status": ProcFile(lambda box: "unsupported\n"),
        "runtime_suspended_time": ProcFile(lambda box: "0\n"),
    }  # fmt: skip
    if latency:
        files["pm_qos_resume_latency_us"] = ProcFile(lambda box: "0\n", _no_number, 0o644)
    return Directory(files, 0o755)


def uevent(text: str = "") -> ProcFile:
    return ProcFile(lambda box: text, _uevent, 0o644)


def device(files: dict[str, Node], text: str = "", latency: bool = False) -> Directory:
    """A device's folder with `files` and what all have."""
    return Directory({**files, "power": power(latency), "uevent": uevent(text)}, 0o755)
