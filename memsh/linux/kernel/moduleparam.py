"""What a part of the kernel was told, at boot as NAME.PARAMETER=VALUE or by writing to its file (kernel/params.c:
param_set_int … param_get_bool).

**Known deviations:** of what may be written, yes-or-no, numbers and memory_hotplug.online_policy only; but for
memory_hotplug's and where a sysctl is the same thing it is kept, and changes nothing. zswap cannot be switched on:
ENODEV, as where Linux could not set it up at boot.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.kernel import sysctl
from memsh.linux.kernel.cmdline import words
from memsh.linux.lib.kstrtox import kstrtobool, kstrtoint, kstrtoll, kstrtouint, kstrtoull

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
WORDS = {"memory_hotplug.online_policy": ("contig-zones", "auto-movable")}


def _parsed(box: Box, key: str, before: str, text: str) -> str:
    """How a value is shown, as the one before it is: EINVAL, ERANGE."""
    if key in WORDS:
        if text.removesuffix("\n") not in WORDS[key]:
            raise KernelError("EINVAL", f"one of {', '.join(WORDS[key])}")
        return text.removesuffix("\n")
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


def is_known(key: str, default: str) -> bool:
    """Whether it is of a kind that is shown and may be told."""
    return key in WORDS or any(known.fullmatch(default) for known in (BOOL, NUMBER, BYTES))


def value(box: Box, key: str, default: str) -> str:
    """What was written last, or said at boot, or is without that."""
    if key in SAME:
        return sysctl.get(box, SAME[key])
    kept = box.sysctl.text.get(f"module.{key}")
    if kept is not None:
        return kept
    found = default
    if key in OFF:
        return found
    for name, said in words(box.config):
        if name.replace("-", "_") == key and said is not None:
            try:
                found = _parsed(box, key, found, said)
            except KernelError:
                continue  # "`x' invalid for parameter": as if it had not been said
    return found


def store(box: Box, key: str, default: str, text: str) -> None:
    """Somebody writes to its file. EINVAL, ERANGE, ENODEV."""
    if key in SAME:
        number = kstrtoull(text, box.arch.bits) if key == "kernel.panic_print" else kstrtoint(text)
        sysctl.put(box, SAME[key], str(number))
        return
    if key.startswith(LOCKED) and box.sysctl.text.get(f"module.{LOCK}") == "Y":
        raise KernelError("EPERM")
    told = _parsed(box, key, value(box, key, default), text)
    if key in OFF and told != default:
        raise KernelError("ENODEV", f"there is no {key.partition('.')[0]} here")
    box.sysctl.text[f"module.{key}"] = told
