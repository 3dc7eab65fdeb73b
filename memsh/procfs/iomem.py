"""/proc/iomem and /proc/ioports: what lies where in the physical address space (kernel/resource.c, r_show).

The two drives, which the recorded machines had not, are where the log says. No known deviations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.linux.box import Box

IOPORTS = (
    (0, 0x0000, 0x0CF7, "PCI Bus 0000:00"), (1, 0x0000, 0x001F, "dma1"), (1, 0x0020, 0x0021, "pic1"),
    (1, 0x0040, 0x0043, "timer0"), (1, 0x0050, 0x0053, "timer1"), (1, 0x0060, 0x0060, "keyboard"),
    (1, 0x0064, 0x0064, "keyboard"), (1, 0x0070, 0x0077, "rtc0"), (1, 0x0080, 0x008F, "dma page reg"),
    (1, 0x00A0, 0x00A1, "pic2"), (1, 0x00C0, 0x00DF, "dma2"), (1, 0x00F0, 0x00FF, "fpu"),
    (1, 0x0170, 0x0177, "0000:00:01.1"), (1, 0x01F0, 0x01F7, "0000:00:01.1"), (1, 0x0376, 0x0376, "0000:00:01.1"),
    (1, 0x03D4, 0x03D5, "cga"), (1, 0x03F6, 0x03F6, "0000:00:01.1"), (1, 0x03F8, 0x03FF, "serial"),
    (1, 0x0510, 0x051B, "QEMU0002:00"), (1, 0x0600, 0x063F, "0000:00:01.3"), (2, 0x0600, 0x0603, "ACPI PM1a_EVT_BLK"),
    (2, 0x0604, 0x0605, "ACPI PM1a_CNT_BLK"), (2, 0x0608, 0x060B, "ACPI PM_TMR"), (1, 0x0700, 0x070F, "0000:00:01.3"),
    (0, 0x0CF8, 0x0CFF, "PCI conf1"), (0, 0x0D00, 0xFFFF, "PCI Bus 0000:00"), (1, 0xAFE0, 0xAFE3, "ACPI GPE0_BLK"),
    *((1, 0xC000 + 0x80 * at, 0xC07F + 0x80 * at, f"0000:00:0{2 + at}.0") for at in (0, 1)),
    (1, 0xC100, 0xC10F, "0000:00:01.1"),
)  # fmt: skip
DRIVES = tuple(
    row for at in (0, 1) for first, name in ((0xFEBF4000 + 0x4000 * at, f"0000:00:0{2 + at}.0"),) for row in (
        (1, first, first + 0x3FFF, name), (2, first, first + 0x3FFF, "virtio-pci-modern"),
        (1, 0xFEBFE000 + 0x1000 * at, 0xFEBFEFFF + 0x1000 * at, name))
)  # fmt: skip


def show(box: Box) -> str:
    rows = sorted([*box.model.start.iomem(box), *DRIVES], key=lambda row: (row[1], row[0]))
    return "".join(f"{'  ' * level}{first:08x}-{last:08x} : {name}\n" for level, first, last, name in rows)


def show_serial(box: Box) -> str:
    """/proc/tty/driver/serial: the console's line, and three that nothing is plugged in to."""
    del box
    lines = ["serinfo:1.0 driver revision:\n",
             "0: uart:16550A port:000003F8 irq:4 tx:14032 rx:79 RTS|CTS|DTR|DSR|CD\n"]  # fmt: skip
    lines += [f"{line}: uart:unknown port:{port:08X} irq:{irq}\n"
              for line, port, irq in ((1, 0x2F8, 3), (2, 0x3E8, 4), (3, 0x2E8, 3))]  # fmt: skip
    return "".join(lines)


def show_ports(box: Box) -> str:
    return "".join(f"{'  ' * level}{first:04x}-{last:04x} : {name}\n" for level, first, last, name in IOPORTS)
