"""Tab knows what each argument is, and a word that cannot be right is coloured before Enter."""

import io
from pathlib import Path

import pytest

from memsh.cli import open_session
from memsh.shell.session import Session
from memsh.ui.complete import complete
from memsh.ui.words import roles


@pytest.fixture(scope="module")
def session() -> Session:
    made = open_session(["--ram", "64M"], io.StringIO(), io.StringIO())
    for line in ("malloc 200k; name p", "fork", "snapshot before", "display heap", "kmem_cache create mine 100"):
        made.run(line)
    return made


@pytest.mark.parametrize(
    ("line", "text", "about"),
    [
        ("free $", "$1", "0x"),
        ("free ", "$1", "malloc 200k"),
        ("touch $", "$p", "0x"),
        ("munmap ", "0x8048000", "r--p"),
        ("pagewalk ", "0x8049000", "r-xp"),
        ("switch ", "54", "a.out"),
        ("kill 5", "54", "a.out"),
        ("kill -", "-KILL", "signal 9"),
        ("ps -p ", "1", "init"),
        ("slab m", "mine", "objects in use"),
        ("kmem_cache alloc m", "mine", "bytes each"),
        ("kmalloc 64 GFP_A", "GFP_ATOMIC", "may not sleep"),
        ("kmalloc 64 'GFP_KERNEL|__GFP_Z", "'GFP_KERNEL|__GFP_ZERO", "zeros"),
        ("alloc_pages ", "4", "16 pages, 64 KiB"),
        ("mmap 4k ", "rw", "PROT_WRITE"),
        ("mmap 4k rw pop", "populate", "at once"),
        ("madvise $1 4k don", "dontneed", "drop"),
        ("cat /proc/slab", "/proc/slabinfo", ""),
        ("fields ", "/proc/meminfo", ""),
        ("sysctl vm.swapp", "vm.swappiness", "60"),
        ("restore ", "before", "snapshot"),
        ("diff be", "before", "snapshot"),
        ("undisplay ", "1", "heap"),
        ("man kmal", "kmalloc", ""),
        ("help vie", "views", "a topic"),
        ("display zo", "zones", ""),
        ("sudo slab mi", "mine", "objects"),
        ("where __alloc_pa", "__alloc_pages", "function"),
        ("run a.o", "a.out", "program"),
        ("unset p", "p", "0x"),
        ("dmesg --", "--kernel", ""),
        ("buddy Nor", "Normal", "zone"),
    ],
)
def test_kinds(session: Session, line: str, text: str, about: str) -> None:
    found = {candidate.text: candidate.meta for candidate in complete(session, line)}
    assert text in found, sorted(found)
    assert about in found[text]


def test_files_of_the_host(session: Session, tmp_path: Path) -> None:
    (tmp_path / "one.memsh").write_text("")
    assert [found.text for found in complete(session, f"source {tmp_path}/o")] == [f"{tmp_path}/one.memsh"]


def test_every_typed_argument_offers_without_failing(session: Session) -> None:
    for name in session.registry.commands:
        for tail in (" ", " $", " /", " -", " x ", " x y "):
            complete(session, name + tail)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("malloc 10x", ["10x"]),
        ("malloc 200k", []),
        ("malloc $p", []),
        ("malloc $(echo 5)", []),
        ("free 0xzz; malloc 5z", ["5z"]),
        ("kmalloc 64 GFP_KERNLE", ["GFP_KERNLE"]),
        ("kmalloc 64 'GFP_KERNEL|GFP_DMA'", []),
        ("plain on", []),
        ("plain offf", ["offf"]),
        ("alloc_pages four", ["four"]),
        ("kfree -Z 5", ["-Z"]),
        ("grep -vi x /proc/meminfo", []),
        ("reset --rma 512M", ["--rma"]),
        ("reset --ram 512M --cpus two", ["two"]),
        ("sudo kmalloc 1y", ["1y"]),
        ("seq 1 10", []),
        ("echo -Z 5x", []),
        ("nosuch 5", ["nosuch"]),
    ],
)
def test_what_cannot_be_right_is_seen(session: Session, line: str, wrong: list[str]) -> None:
    found = [piece.text for role, piece in roles(session.registry, line) if role in ("bad", "unknown")]
    assert found == wrong
