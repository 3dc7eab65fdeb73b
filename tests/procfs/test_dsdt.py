"""The firmware's program, byte for byte as QEMU 7.2 made it for such machines."""

from __future__ import annotations

from hashlib import sha256

import pytest

from memsh.linux.arch.x86.acpi import dsdt_size
from memsh.linux.config import GIB, MIB, Config
from memsh.machines.box import Box
from memsh.procfs import tree
from memsh.procfs.dsdt import dsdt

HALF = 512 * MIB
RECORDED = [
    (Config(), 6385, "dc6ff393ed53463c"),
    (Config(ram=256 * MIB), 6385, "ee953c0f5f163302"),
    (Config(ram=3 * GIB, cpus=2), 6468, "887c97a9efd1fdfb"),
    (Config(arch="x86_64", cpus=3), 6554, "f86ed63982a5cbe3"),
    (Config(arch="x86_64", ram=6 * GIB, cpus=8), 6985, "af8e1b7694376f5d"),
    (Config(arch="x86_64", cpus=4, nodes=((HALF, (0, 1)), (HALF, (2, 3)))), 6664, "238dbe05b4ff3d1e"),
]  # fmt: skip


@pytest.mark.parametrize(("config", "size", "digest"), RECORDED)
def test_it_is_the_recorded_one(config: Config, size: int, digest: str) -> None:
    made = dsdt(config)
    assert (len(made), sha256(made).hexdigest()[:16]) == (size, digest)


@pytest.mark.parametrize("cpus", [1, 2, 5, 16, 17, 40, 64])
def test_it_is_as_long_as_the_log_says(cpus: int) -> None:
    config = Config(arch="x86_64", ram=8 * GIB, cpus=cpus)
    made = dsdt(config)
    assert len(made) == dsdt_size(config) and sum(made) % 256 == 0


def test_every_table_can_be_read() -> None:
    box = Box(Config(arch="x86_64", cpus=2, nodes=((HALF, (0,)), (HALF, (1,))), distance=25))
    folder = "/sys/firmware/acpi/tables"
    names = [name for name in tree.listdir(box, folder) if not tree.isdir(box, f"{folder}/{name}")]
    assert "SLIT" in names and "DSDT" in names
    for name in names:
        text = tree.show(box, f"{folder}/{name}").encode("utf-8", "surrogateescape")
        assert text[:4] == name.encode() and int.from_bytes(text[4:8], "little") == len(text)
    slit = tree.show(box, f"{folder}/SLIT").encode("utf-8", "surrogateescape")
    assert slit[36:] == bytes([2, 0, 0, 0, 0, 0, 0, 0, 10, 25, 25, 10])
