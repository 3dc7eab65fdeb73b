"""/proc/net, /proc/crypto and /proc/bus/pci: as `cat` and `od` showed them on the recorded kernels."""

from __future__ import annotations

from zlib import crc32

import pytest

from memsh.linux.config import MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.machines.box import Box
from memsh.procfs import tree

CHECKSUMS = {  # cat FILE | crc32, on i386 and on x86_64
    "/proc/crypto": (0xc1e99871, 0x56a54d9d),
    "/proc/net/fib_triestat": (0x757a931b, 0xc2713ad5),
    "/proc/net/mcfilter": (0x67e12b9f, 0x67e12b9f),
    "/proc/net/netstat": (0x84b49cd3, 0x84b49cd3),
    "/proc/net/packet": (0x225f8f9b, 0xc4bcbe6a),
    "/proc/net/protocols": (0x652e2f88, 0x628dfbf8),
    "/proc/net/route": (0x0, 0x103d3ade),
    "/proc/net/rt_cache": (0x7a34e73c, 0x7a34e73c),
    "/proc/net/snmp": (0x51456d24, 0x51456d24),
    "/proc/net/stat/arp_cache": (0xf648a6ad, 0xf648a6ad),
    "/proc/net/stat/rt_cache": (0xfaf64914, 0xfaf64914),
}  # fmt: skip


@pytest.fixture(scope="module", params=["i386", "x86_64"])
def box(request: pytest.FixtureRequest) -> Box:
    return Box(Config(arch=request.param, ram=128 * MIB))


def test_texts(box: Box) -> None:
    for path, checksums in CHECKSUMS.items():
        assert crc32(tree.show(box, path).encode()) == checksums[box.arch.numa], path


def test_the_files_of_the_network(box: Box) -> None:
    own = set() if box.arch.numa else {"ipconfig", "pnp"}
    names = set(tree.listdir(box, "/proc/self/net"))
    assert len(names - own) == 27 and own <= names
    sockets = [line.split() for line in tree.show(box, "/proc/net/netlink").splitlines()[1:]]
    assert [words[1] for words in sockets] == ["0", "4", "9" if box.arch.numa else "6", "10", "11", "15", "16"]


def test_a_line_for_each_cpu() -> None:
    both = Box(Config(ram=64 * MIB, cpus=2))
    assert tree.show(both, "/proc/net/softnet_stat").splitlines()[1] == "00000000 " * 12 + "00000001"
    assert len(tree.show(both, "/proc/net/stat/rt_cache").splitlines()) == 3


def test_configuration_of_a_device(box: Box) -> None:
    space = tree.show(box, "/proc/bus/pci/00/03.0").encode("utf-8", "surrogateescape")
    assert len(space) == 256 and space[:4] == bytes.fromhex("f41a0110") and space[0x3C] == 0x0B
    with pytest.raises(KernelError) as caught:
        tree.store(box, "/proc/bus/pci/00/03.0", "x")
    assert caught.value.code == "EINVAL"
