"""The views: they fit the width they are given, say what is true, and change nothing."""

from __future__ import annotations

import io

import pytest

from memsh.cli import open_session
from memsh.inspect.check import check
from memsh.procfs import tree
from memsh.shell.session import Session
from tests.commands.typed import Typed

VIEWS = [
    "zones", "buddy", "buddy dma", "buddy 0x1ee0", "buddy 16", "buddy 0x3000", "physmap normal", "frag",
    "account", "physmap", "physmap HighMem", "physmap 0x1ee0", "areas", "layout",
    "vmmap", "fixmap", "heap", "slab dentry", "slab kmalloc-32", "slab task_struct", "order 100k", "pagewalk 0x8048000",
    "pagewalk 0xc1000000", "pagewalk $v", "pagewalk 0", "pagewalk 0xffffffff", "pagewalk 0xff000000",
    "whatis 0x8048000",
    "whatis $v", "whatis $k", "whatis $p", "whatis 0x1ee0", "whatis 1", "whatis 0xff000000", "whatis 0xbfffffff",
]  # fmt: skip


def opened(*arguments: str) -> tuple[Session, io.StringIO]:
    screen = io.StringIO()
    session = open_session(list(arguments), screen, screen)
    session.run("v=$(vmalloc 64k); k=$(kmalloc 64); p=$(mmap 64k); touch $p 64k; f=$(fork)")
    return session, screen


def said(session: Session, screen: io.StringIO, line: str) -> str:
    screen.seek(0)
    screen.truncate()
    session.run(line)
    return screen.getvalue()


@pytest.mark.parametrize("width", [60, 80])
def test_every_view_fits_and_changes_nothing(width: int) -> None:
    session, screen = opened("--width", str(width))
    paths = ("/proc/buddyinfo", "/proc/slabinfo", "/proc/meminfo", "/proc/vmstat", "/proc/self/stat")
    said(session, screen, "heap")  # a static program's libc fills in its variables when first asked
    before = [tree.show(session.box, path) for path in paths]
    for line in VIEWS:
        text = said(session, screen, line)
        assert "bug" not in text, text
        assert all(len(row) <= width for row in text.splitlines()), (line, text)
        assert text.isprintable() or "\n" in text
    assert [tree.show(session.box, path) for path in paths] == before
    assert check(session.box) == []


def test_account_adds_up_to_memtotal() -> None:
    session, screen = opened()
    rows = said(session, screen, "account").splitlines()
    pages = {row.rsplit(None, 2)[0]: int(row.split()[-2]) for row in rows[1:-1]}
    total = pages.pop("MemTotal")
    assert sum(pages.values()) == total
    assert f"MemTotal:       {total * 4:8d} kB" in tree.show(session.box, "/proc/meminfo")


def test_the_tree_of_a_block_and_its_buddies() -> None:
    session, screen = opened("--ram", "128M")
    said(session, screen, "plain on")
    text = said(session, screen, "q=$(alloc_pages 4); buddy $q")
    pfn = int(session.variables["q"], 16)
    rows = text.splitlines()
    assert rows[0].endswith(f"in use: kernel, in the order-4 block at {pfn:#x}")
    own = next(row for row in rows if row.endswith("in use  <"))
    assert f"{pfn:#x} order 4  64 KiB" in own
    assert sum(f" order {order} " in row for row in rows[1:-1] for order in range(4, 11)) == 13  # two but of 10
    said(session, screen, "free_pages $q 4")
    assert "free, in the order-" in said(session, screen, "buddy $q")
    before, after = rows[-1], said(session, screen, "buddy $q").splitlines()[0]
    if "merges" in before:  # it was told what would become of it
        order, head = before.rpartition("order ")[2].split(" at ")
        assert after.endswith(f"in the order-{order} block at {head}")
    else:
        assert after.endswith(f"in the order-4 block at {pfn:#x}")


def test_physmap_shows_what_a_page_is_used_for() -> None:
    session, screen = opened("--ram", "128M", "--width", "200")
    said(session, screen, "m=$(malloc 12M); touch $m 12M")
    assert "UU" in said(session, screen, "physmap")
    assert "|UUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUU| 0 free" in said(session, screen, "physmap Normal")
    pfn = said(session, screen, "pagewalk $(($m + 0x600000))").rpartition("  frame ")[2].split(":")[0]
    assert "a" * 64 in said(session, screen, f"physmap {pfn}")
    counted = said(session, screen, "physmap 0x1c00").splitlines()
    free = sum(int(word.split()[0]) << int(word.split()[-1]) for word in counted[-2].rpartition("): ")[2].split(", "))
    used = sum(int(word.split()[-1]) for word in counted[-1].split("; "))
    assert free + used == 1024


def test_areas_tell_bss_from_heap() -> None:
    session, screen = opened()
    names = [row.split("  ")[0] for row in said(session, screen, "areas").splitlines()]
    for name in ("code", "data", "bss", "heap", "stack"):
        assert name in names


def test_a_slab_object_by_object() -> None:
    session, screen = opened()
    for line in ("kmem_cache create teapot 1000", "o=$(kmem_cache alloc teapot)"):
        said(session, screen, line)
    assert "○○○■" in said(session, screen, "slab teapot")
    said(session, screen, "kmem_cache free teapot $o")
    assert "○○○○" in said(session, screen, "slab teapot")
    said(session, screen, "plain on")
    assert "····" in said(session, screen, "slab teapot")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("alloc_pages 11", "Cannot allocate memory"),
        ("free_pages 0x38", "free_pages: "),
        ("free_pages 0xfffff", "free_pages: "),
        ("p=$(alloc_pages 0); free_pages $p; free_pages $p", "free_pages: "),
        ("kfree 0xc1000004", "Invalid argument"),
        ("kfree 0x8048000", "Invalid argument"),
        ("ksize 0xc0000001", "Invalid argument"),
        ("vfree 0xf8800000", "Invalid argument"),
        ("kmem_cache create teapot 64; kmem_cache create teapot 64", "File exists"),
        ("kmem_cache create 'a b' 64", "Invalid argument"),
        ("kmem_cache create t 0", "Invalid argument"),
        ("kmem_cache create t 8M", "Invalid argument"),
        ("kmem_cache create t 64; kmem_cache alloc t; kmem_cache destroy t", "Device or resource busy"),
        ("kmem_cache alloc nothing", "no cache is called 'nothing'"),
        ("kmem_cache create t 64; kmem_cache free t 0xc1000000", "Invalid argument"),
        ("kmalloc 5M", "Cannot allocate memory"),
        ("vmalloc 0", "Cannot allocate memory"),
        ("vmalloc 4095M", "Cannot allocate memory"),
        ("kunmap 0x3f000", "Invalid argument"),
        ("kmap 0xfffff", "Invalid argument"),
        ("buddy Nowhere", "there is no zone 'Nowhere'"),
        ("physmap 0x40000000", "not in RAM"),
        ("order 5M", "the largest block is order 10"),
        ("kmalloc 64 GFP_NONSENSE", "unknown gfp flag"),
    ],
)
def test_what_is_refused_is_said_in_one_line_and_leaves_the_box_whole(line: str, words: str) -> None:
    session, screen = opened()
    text = said(session, screen, line)
    assert words in text.splitlines()[-1], text
    assert session.last_status
    assert check(session.box) == []


def test_in_plain_every_step_shows_at_once() -> None:
    session, screen = opened()
    said(session, screen, "plain on")
    before = tree.show(session.box, "/proc/buddyinfo")
    said(session, screen, "q=$(alloc_pages 0)")
    assert tree.show(session.box, "/proc/buddyinfo") != before
    said(session, screen, "free_pages $q")
    assert tree.show(session.box, "/proc/buddyinfo") == before
    said(session, screen, "kmem_cache create teapot 1000; kmem_cache alloc teapot")
    assert "teapot                 1      4   1000" in tree.show(session.box, "/proc/slabinfo")


@pytest.mark.parametrize("arch", ["i386", "x86_64"])
def test_a_heap_whose_library_lost_its_data_is_told_of_in_one_line(arch: str) -> None:
    typed = Typed("--arch", arch, "--ram", "128M")
    typed("munmap 0x1000 1G")
    said = typed("heap --all")
    assert said.startswith("heap: the C library's own data is gone: nothing at 0x") and said.count("\n") == 1
    assert typed.status == 1 and check(typed.session.box) == []
