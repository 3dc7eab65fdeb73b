"""What a character written to /proc/sysrq-trigger does (drivers/tty/sysrq.c, __handle_sysrq).

**Known deviations:** d, j, k, l, n, p, q, r and u say what they do in the log and do nothing; t shows the frames that
`stack` shows, and no registers; b and o stop the machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from memsh.digits import is_digits
from memsh.linux.include.kern_levels import KERN_INFO
from memsh.linux.include.sched import threads_of
from memsh.linux.kernel.exit import panic
from memsh.linux.kernel.signal import send_sig
from memsh.linux.mm.page_alloc.showmem import show_mem

if TYPE_CHECKING:
    from memsh.linux.box import Box

SIGKILL, SIGTERM = 9, 15


class Key(NamedTuple):
    """sysrq_key_op: what is said in the list of keys, and when it is pressed."""

    help: str
    action: str


_KEYS = {  # in the order of sysrq_key_table; what does not exist in the recorded kernels is left out
    "0": Key("loglevel(0-9)", "Changing Loglevel"), "b": Key("reboot(b)", "Resetting"),
    "c": Key("crash(c)", "Trigger a crash"), "e": Key("terminate-all-tasks(e)", "Terminate All Tasks"),
    "f": Key("memory-full-oom-kill(f)", "Manual OOM execution"), "i": Key("kill-all-tasks(i)", "Kill All Tasks"),
    "j": Key("thaw-filesystems(j)", "Emergency Thaw of all frozen filesystems"), "k": Key("sak(k)", "SAK"),
    "l": Key("show-backtrace-all-active-cpus(l)", "Show backtrace of all active CPUs"),
    "m": Key("show-memory-usage(m)", "Show Memory"), "n": Key("nice-all-RT-tasks(n)", "Nice All RT Tasks"),
    "o": Key("poweroff(o)", "Power Off"), "p": Key("show-registers(p)", "Show Regs"),
    "q": Key("show-all-timers(q)", "Show clockevent devices & pending hrtimers (no others)"),
    "r": Key("unraw(r)", "Keyboard mode set to system default"), "s": Key("sync(s)", "Emergency Sync"),
    "t": Key("show-task-states(t)", "Show State"), "u": Key("unmount(u)", "Emergency Remount R/O"),
    "w": Key("show-blocked-tasks(w)", "Show Blocked State"),
}  # fmt: skip


def handle_sysrq(box: Box, key: str) -> None:
    """Press one key; a key that means nothing prints the list."""
    box.changes += 1
    log = box.log
    op = _KEYS.get("0" if is_digits(key) else key)
    if op is None:
        log.printk("sysrq: HELP : " + "".join(f"{one.help} " for one in _KEYS.values()), KERN_INFO)
        return
    log.printk(f"sysrq: {op.action}", KERN_INFO)
    if is_digits(key):
        printk = box.sysctl.text["kernel.printk"].split("\t")
        box.sysctl.text["kernel.printk"] = "\t".join([key, *printk[1:]])
        log.printk(f"sysrq: Loglevel set to {int(key)}", KERN_INFO)
    elif key == "m":
        show_mem(box)
    elif key == "f":
        box.oom.moom_callback()
        box.oom.settle()
    elif key in "ei":
        send_sig_all(box, SIGTERM if key == "e" else SIGKILL)
    elif key == "s":
        box.fs.sync()
        log.printk("Emergency Sync complete", KERN_INFO)
    elif key == "j":
        log.printk("Emergency Thaw complete", KERN_INFO)
    elif key in "tw":
        show_state(box, blocked=key == "w")
    elif key == "c":
        panic(box, "sysrq triggered crash", via="sysrq")
    elif key in "bo":
        box.panicked = "the machine was switched off" if key == "o" else "the machine was reset"


def send_sig_all(box: Box, sig: int) -> None:
    """To every process but init."""
    for task in list(box.tasks.values()):
        if task.pid in box.tasks and task is not box.init and not task.is_kthread:
            send_sig(box, task, sig)


def show_state(box: Box, *, blocked: bool) -> None:
    """Each task and where it is; `blocked`: those that wait for a disk."""
    for task in (thread for leader in box.tasks.values() for thread in threads_of(box, leader)):
        if blocked and task.state != "D":
            continue
        box.log.printk(f"task:{task.comm:<15.15} state:{task.state} stack:0     pid:{task.pid:<5} ppid:{task.ppid:<6} "
                       f"flags:0x{0x4000 if task.is_kthread else 0:08x}", KERN_INFO)  # fmt: skip
