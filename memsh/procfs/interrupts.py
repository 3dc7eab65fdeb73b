"""/proc/interrupts and softirqs: how often which interrupt came on which CPU (fs/proc/interrupts.c, softirqs.c;
kernel/irq/proc.c, arch/x86/kernel/irq.c).

The figures are those of /proc/stat.

**Known deviation:** CPU 0 takes every device's interrupts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from memsh.procfs.stat import FIRST_MSI, arch_irqs, device_irqs, disk_irqs, softirqs_of

if TYPE_CHECKING:
    from memsh.linux.box import Box

class Handler(NamedTuple):
    """Who listens to an interrupt: the chip that raises it, the number there, the trigger."""

    chip: str
    pin: int
    trigger: str
    who: str


DEVICES = {
    0: Handler("IO-APIC", 2, "edge", "timer"), 1: Handler("IO-APIC", 1, "edge", "i8042"),
    4: Handler("IO-APIC", 4, "edge", "ttyS0"), 8: Handler("IO-APIC", 8, "edge", "rtc0"),
    9: Handler("IO-APIC", 9, "fasteoi", "acpi"), 12: Handler("IO-APIC", 12, "edge", "i8042"),
}  # fmt: skip
SLOT, FIRST_SLOT = 16384, 2  # messages of a device on the bus, where the disks begin
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


def handlers(box: Box) -> dict[int, Handler]:
    """Those that have one, by number."""
    found, vectors = dict(DEVICES), 1 + box.config.cpus
    for at, (who, _) in enumerate(disk_irqs(box)):
        slot, vector = divmod(at, vectors)
        found[FIRST_MSI + at] = Handler("PCI-MSI", (FIRST_SLOT + slot) * SLOT + vector, "edge", who)
    return found


def show(box: Box) -> str:
    cpus, counts = box.config.cpus, device_irqs(box)
    disks = dict(disk_irqs(box))
    wide = max(3, len(str(len(counts))))  # as the number of the last line has digits
    lines = [" " * (wide + 8) + "".join(f"CPU{cpu:<8}" for cpu in range(cpus))]
    for number, (chip, pin, trigger, who) in handlers(box).items():
        row = _row(disks.get(who, [counts[number]]), cpus)
        lines.append(f"{number:{wide}}: {row} {chip:>8} {pin:{wide}}-{trigger:<8}  {who}")
    counted = arch_irqs(box) | {"TLB": box.smp.shootdowns}
    for name, words, option in ARCH:
        if not option or option in box.model.options:
            own = counted.get(name, [])
            lines.append(f"{name:>{wide}}: {_row(own, cpus)}  {words}")
    lines += [f"{name:>{wide}}: {0:10}" for name in ("ERR", "MIS")]
    lines += [f"{name:>{wide}}: {_row([], cpus)}  {words}" for name, words in POSTED]
    return "\n".join(lines) + "\n"


def _row(counts: list[int], cpus: int) -> str:
    """A column for each CPU; those beyond the counts had none."""
    return "".join(f"{count:10} " for count in [*counts, *[0] * cpus][:cpus])


def show_softirqs(box: Box) -> str:
    cpus = box.config.cpus
    lines = [" " * 20 + "".join(f"CPU{cpu:<8}" for cpu in range(cpus))]
    columns = [softirqs_of(box, cpu) for cpu in range(cpus)]
    lines += [f"{name:>12}:" + "".join(f" {column[at]:10}" for column in columns) for at, name in enumerate(SOFT)]
    return "\n".join(lines) + "\n"
