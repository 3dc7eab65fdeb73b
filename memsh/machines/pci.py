"""What is plugged into the bus: QEMU's chipset of 1996 and two drives (drivers/pci/proc.c)."""

from __future__ import annotations

from typing import NamedTuple

SPACE = 256  # bytes of a device's configuration


class Device(NamedTuple):
    """`windows`: five of seven addresses, then their sizes, as /proc/bus/pci/devices counts them; `config`: offset →
    what stands there, in hexadecimal."""

    place: str
    maker: str
    irq: int
    windows: dict[int, int]
    config: dict[int, str]
    driver: str = ""


def _drive(at: int) -> Device:
    port, messages, registers = 0xC001 + 0x80 * at, 0xFEBFE000 + 0x1000 * at, 0xFEBF400C + 0x4000 * at
    parts = {  # virtio's capabilities: kind, window, offset, length
        offset: f"09{follows:02x}{length:02x}{kind:02x}0400000000{where:02x}000000100000"
        for offset, follows, length, kind, where in (
            (0x40, 0, 0x10, 1, 0), (0x50, 0x40, 0x10, 3, 0x10), (0x60, 0x50, 0x10, 4, 0x20),
            (0x70, 0x60, 0x14, 2, 0x30))
    }  # fmt: skip
    config = {0: "f41a0110070510000000000100000000", 0x10: _bytes(port), 0x14: _bytes(messages),
              0x20: _bytes(registers), 0x2C: "f41a0200", 0x34: "98", 0x3C: f"{0xA + at:02x}01", **parts,
              0x80: "0400000009701405", 0x98: "1184018001000000", 0xA0: "0108"}  # fmt: skip
    windows = {0: port, 1: messages, 4: registers, 7: 0x80, 8: 0x1000, 11: 0x4000}
    return Device(f"{0x10 + 8 * at:04x}", "1af41001", 0xA + at, windows, config, "virtio-pci")


def _bytes(number: int) -> str:
    return number.to_bytes(4, "little").hex()


DEVICES = (
    Device("0000", "80861237", 0, {}, {
        0: "86803712030100000200000600000000", 0x2C: "f41a0011", 0x57: "8000101111111111330000", 0x72: "0a"}),
    Device("0008", "80867000", 0, {}, {
        0: "86800070030100020000010600008000", 0x2C: "f41a0011", 0x4C: "4d0003", 0x60: "8a0a8b8b0000000000020000",
        0x70: "80000000" "00000c0c02", 0x82: "02", 0xA0: "08000000000000000f"}),
    Device("0009", "80867010", 0, {0: 0x1F0, 1: 0x3F6, 2: 0x170, 3: 0x376, 4: 0xC101, 7: 8, 9: 8, 11: 0x10}, {
        0: "86801070030180020080010100000000", 0x20: "01c1", 0x2C: "f41a0011", 0x41: "800080"}),
    Device("000b", "80867113", 9, {}, {
        0: "86801371030180020300800600000000", 0x2C: "f41a0011", 0x3C: "0901", 0x40: "0106", 0x5B: "0200000010",
        0x63: "6000000008", 0x80: "01", 0x90: "0107", 0xD2: "09"}),
    _drive(0), _drive(1),
)  # fmt: skip


def devices() -> str:
    """/proc/bus/pci/devices: place, maker, interrupt, seven windows and their sizes, driver."""
    return "".join(
        f"{one.place}\t{one.maker}\t{one.irq:x}" + "".join(f"\t{one.windows.get(at, 0):16x}" for at in range(14))
        + f"\t{one.driver}\n" for one in DEVICES
    )  # fmt: skip


def configurations() -> dict[str, str]:
    """/proc/bus/pci/00: slot and function → its configuration space, bytes as the text of files has them."""
    found = {}
    for one in DEVICES:
        space = bytearray(SPACE)
        for offset, digits in one.config.items():
            part = bytes.fromhex(digits)
            space[offset : offset + len(part)] = part
        slot, function = divmod(int(one.place, 16), 8)
        found[f"{slot:02x}.{function}"] = space.decode("utf-8", "surrogateescape")
    return found
