"""/sys/module/*/parameters: what a part of the kernel may be told, at boot as NAME.PARAMETER=VALUE or by writing
(kernel/params.c). The parameters, their modes and what they are without being told stand in the machine's list.

**Known deviations:** of what may be written, yes-or-no and numbers only; it is kept, and changes nothing but where a
sysctl is the same thing. zswap cannot be switched on: ENODEV, as where Linux could not set it up at boot.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.kernel import sysctl
from memsh.linux.kernel.cmdline import words
from memsh.linux.lib.kstrtox import kstrtobool, kstrtoint, kstrtoll, kstrtouint, kstrtoull
from memsh.procfs.listing import Entry, Folder
from memsh.procfs.node import Directory, Node, ProcFile
from memsh.procfs.sysfs import listed

if TYPE_CHECKING:
    from memsh.linux.box import Box

SAME = {f"kernel.{name}": f"kernel.{name}" for name in ("panic", "panic_on_warn", "panic_print")}  # as a sysctl
_INT = """
clocksource.verify_n_cpus dynamic_debug.verbose kernel.pause_on_oops pnp.debug processor.ignore_ppc processor.ignore_tpc
random.ratelimit_disable rcupdate.rcu_cpu_stall_ftrace_dump rcupdate.rcu_cpu_stall_suppress
rcupdate.rcu_cpu_stall_timeout rcupdate.rcu_exp_cpu_stall_timeout rcupdate.rcu_task_ipi_delay
rcupdate.rcu_task_stall_info rcupdate.rcu_task_stall_timeout rcutree.rcu_divisor spurious.irqfixup tcp_cubic.beta
tcp_cubic.fast_convergence tcp_cubic.hystart tcp_cubic.hystart_ack_delta_us tcp_cubic.hystart_detect
tcp_cubic.hystart_low_window tcp_cubic.initial_ssthresh tcp_cubic.tcp_friendliness thermal.act thermal.crt thermal.psv
vt.color vt.cur_default vt.default_utf8 vt.global_cursor_default vt.italic vt.underline
sysrq.sysrq_downtime_ms x86_pkg_temp_thermal.notify_delay_ms
"""
INT = frozenset(_INT.split())  # of those that are not negative without being told, which may be
JIFFIES = frozenset(("rcutree.jiffies_till_first_fqs", "rcutree.jiffies_till_next_fqs"))  # a second at most
LOCK, LOCKED = "apparmor.lock_policy", "apparmor."  # when it is locked nobody may change it
LONG = JIFFIES | {"block.events_dfl_poll_msecs", "button.lid_report_interval"}
OFF = ("zswap.enabled",)  # there is nothing behind it
BOOL, NUMBER, BYTES = re.compile("[YN]"), re.compile(r"-?\d+"), re.compile(r"\d+(,\d+)+")
BYTE_BITS = 8


def _modules(box: Box) -> Folder:
    found = listed(box.model.sysfs).at("module")
    assert isinstance(found, Folder)
    return found


def _parsed(box: Box, key: str, before: str, text: str) -> str:
    """How a value is shown, as the one before it is: EINVAL, ERANGE."""
    if BOOL.fullmatch(before):
        return "Y" if kstrtobool(text) else "N"
    if BYTES.fullmatch(before):
        return _array(before.split(","), text)
    if key in LONG:
        number = kstrtoull(text, box.arch.bits)
        least = int(key == "rcutree.jiffies_till_next_fqs")
        return str(min(max(number, least), box.arch.hz) if key in JIFFIES else number)
    if key == "rcutree.rcu_resched_ns":
        return str(kstrtoll(text) if box.arch.word == 8 else kstrtoint(text))
    if key not in INT and not before.startswith("-"):
        return str(kstrtouint(text))
    number = kstrtoint(text)
    return str(min(max(number, 3), 300) if key == "rcupdate.rcu_cpu_stall_timeout" else number)


def _array(before: list[str], text: str) -> str:
    """param_array(): the first ones are those that are told, the others stay."""
    told = text.split(",")
    if len(told) > len(before):
        raise KernelError("EINVAL", f"{len(before)} at most")
    after = [str(kstrtoull(word, BYTE_BITS)) for word in told]
    return ",".join(after + before[len(after) :])


def _value(key: str, told: Entry, box: Box) -> str:
    """What was written last, or said at boot, or is without that."""
    if key in SAME:
        return sysctl.get(box, SAME[key])
    kept = box.sysctl.text.get(f"module.{key}")
    if kept is not None:
        return kept
    value = told.text
    if key in OFF:
        return value
    for name, said in words(box.config):
        if name.replace("-", "_") == key and said is not None:
            try:
                value = _parsed(box, key, value, said)
            except KernelError:
                continue  # "`x' invalid for parameter": as if it had not been said
    return value


def _show(key: str, told: Entry, box: Box) -> str:
    return _value(key, told, box) + "\n"


def _store(key: str, told: Entry, box: Box, text: str) -> None:
    if key in SAME:
        number = kstrtoull(text, box.arch.bits) if key == "kernel.panic_print" else kstrtoint(text)
        sysctl.put(box, SAME[key], str(number))
        return
    if key.startswith(LOCKED) and box.sysctl.text.get(f"module.{LOCK}") == "Y":
        raise KernelError("EPERM")
    value = _parsed(box, key, _value(key, told, box), text)
    if key in OFF and value != told.text:
        raise KernelError("ENODEV", f"there is no {key.partition('.')[0]} here")
    box.sysctl.text[f"module.{key}"] = value


def _parameters(name: str, folder: Folder) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for parameter, told in folder.entries().items():
        if not isinstance(told, Entry) or told.kind != "=":
            continue
        if any(known.fullmatch(told.text) for known in (BOOL, NUMBER, BYTES)):
            key = f"{name}.{parameter}"
            found[parameter] = ProcFile(partial(_show, key, told), partial(_store, key, told) if told.mode & 0o200
                                        else None, told.mode)  # fmt: skip
    return found


def _find(box: Box, name: str) -> Node | None:
    module = _modules(box).entries().get(name)
    folder = module.entries().get("parameters") if isinstance(module, Folder) else None
    if not isinstance(folder, Folder):
        return None
    return Directory({"parameters": Directory(_parameters(name, folder), 0o755)}, 0o755)


MODULES = Directory({}, 0o755, lambda box: list(_modules(box).entries()), _find)
