"""/proc/interrupts and softirqs: how often which interrupt came on which CPU (fs/proc/interrupts.c, softirqs.c;
kernel/irq/proc.c, arch/x86/kernel/irq.c).

The figures are those of /proc/stat.

**Known deviations:** CPU 0 takes every device's interrupts and all soft interrupts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.procfs.stat import device_irqs, softirqs, timer_ticks

if TYPE_CHECKING:
    from memsh.linux.box import Box

DEVICES = {  # those that have a handler: number → (its pin, its trigger, who)
    0: (2, "edge", "timer"), 1: (1, "edge", "i8042"), 4: (4, "edge", "ttyS0"), 8: (8, "edge", "rtc0"),
    9: (9, "fasteoi", "acpi"), 12: (12, "edge", "i8042"),
}  # fmt: skip
ARCH = (  # arch_show_interrupts: name, what it is, of which machines ("" for all)
    ("NMI", "Non-maskable interrupts", ""), ("LOC", "Local timer interrupts", ""),
    ("SPU", "Spurious interrupts", ""), ("PMI", "Performance monitoring interrupts", ""),
    ("IWI", "IRQ work interrupts", ""), ("RTR", "APIC ICR read retries", ""),
    ("RES", "Rescheduling interrupts", ""), ("CAL", "Function call interrupts", ""), ("TLB", "TLB shootdowns", ""),
    ("TRM", "Thermal event interrupts", ""), ("THR", "Threshold APIC interrupts", "X86_MCE"),
    ("DFR", "Deferred Error APIC interrupts", "X86_MCE"), ("MCE", "Machine check exceptions", "X86_MCE"),
    ("MCP", "Machine check polls", "X86_MCE"),
)  # fmt: skip
POSTED = (("PIN", "Posted-interrupt notification event"), ("NPI", "Nested posted-interrupt event"),
          ("PIW", "Posted-interrupt wakeup event"))  # fmt: skip
SOFT = ("HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU")


def show(box: Box) -> str:
    cpus, counts = box.config.cpus, device_irqs(box)
    wide = max(3, len(str(len(counts))))  # as the number of the last line has digits
    lines = [" " * (wide + 8) + "".join(f"CPU{cpu:<8}" for cpu in range(cpus))]
    for number, (pin, trigger, who) in DEVICES.items():
        lines.append(f"{number:{wide}}: {_row([counts[number]], cpus)} {'IO-APIC':>8} {pin:{wide}}-{trigger:<8}  {who}")
    for name, words, option in ARCH:
        if not option or option in box.model.options:
            lines.append(f"{name:>{wide}}: {_row(timer_ticks(box) if name == 'LOC' else [], cpus)}  {words}")
    lines += [f"{name:>{wide}}: {0:10}" for name in ("ERR", "MIS")]
    lines += [f"{name:>{wide}}: {_row([], cpus)}  {words}" for name, words in POSTED]
    return "\n".join(lines) + "\n"


def _row(counts: list[int], cpus: int) -> str:
    """A column for each CPU; those beyond the counts had none."""
    return "".join(f"{count:10} " for count in [*counts, *[0] * cpus][:cpus])


def show_softirqs(box: Box) -> str:
    cpus = box.config.cpus
    lines = [" " * 20 + "".join(f"CPU{cpu:<8}" for cpu in range(cpus))]
    lines += [f"{name:>12}:" + "".join(f" {count:10}" for count in [total, *[0] * (cpus - 1)])
              for name, total in zip(SOFT, softirqs(box), strict=True)]  # fmt: skip
    return "\n".join(lines) + "\n"
