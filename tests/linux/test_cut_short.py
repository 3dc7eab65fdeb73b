"""Kernel operations that Ctrl-C ends between two steps: the box is whole, and what had been begun is given back."""

from __future__ import annotations

import io

import pytest

from memsh.cli import open_session
from memsh.inspect import check
from memsh.shell.session import Session

MACHINE = ["--arch", "x86_64", "--ram", "256M", "--swap", "64M"]


class Cut(BaseException):
    pass


def cut_at(made: Session, line: str, steps: int) -> int:
    """Run a line whose operation is ended at its place number `steps`; how many of them it came to."""
    reached = 0

    def resched() -> None:
        nonlocal reached
        reached += 1
        if reached == steps:
            raise Cut

    before, made.box.cond_resched = made.box.cond_resched, resched
    try:
        made.run(line)
    except Cut:
        pass
    finally:
        made.box.cond_resched = before
    return reached


@pytest.fixture(scope="module")
def worked() -> Session:
    made = open_session(MACHINE, io.StringIO(), io.StringIO())
    made.run("echo never > /sys/kernel/mm/transparent_hugepage/enabled; p=$(mmap 40M); touch $p 40M; v=$(vmalloc 80M)")
    made.run("m=$(memfd m 8M); q=$(mmap 8M rw shared --file m); touch $q 8M; s=$(mmap 24M rw); fill $s 24M")
    made.run("madvise $s 24M pageout; snapshot worked")
    return made


@pytest.mark.parametrize("line", ["vmalloc 90M", "vfree $v", "madvise $p 40M collapse", "swapoff -a",
                                  "sysctl -w vm.compact_memory=1"])
@pytest.mark.parametrize("steps", [1, 3])
def test_the_box_is_whole(worked: Session, line: str, steps: int) -> None:
    worked.run("restore worked")
    assert cut_at(worked, line, steps) == steps
    assert check.check(worked.box) == []
    assert worked.run(line.replace("vfree $v", "true")) == 0, "it can be done again"
    assert check.check(worked.box) == []


@pytest.mark.parametrize("path", ["/tmp/f", "/ram/f"])
@pytest.mark.parametrize("line", ["truncate -s 5000 {}", "rm {}", "echo > {}", "mv /tmp/other {}"])
def test_a_file_loses_its_pages_or_some(worked: Session, line: str, path: str) -> None:
    worked.run("restore worked")
    worked.run(f"mkdir /ram; mount -t tmpfs ram /ram; echo x > /tmp/other; dd if=/dev/zero of={path} bs=1M count=3")
    size, mapping = worked.box.fs.lookup(path).size, worked.box.fs.lookup(path).mapping
    assert mapping is not None
    assert cut_at(worked, line.format(path), 3) == 3
    assert worked.box.fs.lookup(path).size == size and 0 < len(mapping.pages) < size >> 12
    assert check.check(worked.box) == []
    worked.run(line.format(path))
    assert check.check(worked.box) == [] and not mapping.pages.leaves.keys() - {0}


def test_umount_loses_its_files_or_some_pages(worked: Session) -> None:
    worked.run("restore worked")
    worked.run("mkdir /ram; mount -t tmpfs ram /ram; dd if=/dev/zero of=/ram/a bs=1M count=3; cp /ram/a /ram/b")
    assert cut_at(worked, "umount /ram", 3) == 3
    assert worked.run("test -e /ram/a -a -e /ram/b") == 0 and check.check(worked.box) == []
    assert worked.run("umount /ram; test ! -e /ram/a") == 0 and check.check(worked.box) == []


def test_a_worker_frees_the_rest(worked: Session) -> None:
    worked.run("restore worked")
    pages = worked.box.pages
    cut_at(worked, "vfree $v", 1)
    assert worked.box.vmalloc.leaving
    before = pages.freed
    worked.run("sleep 0.002")
    assert 0 < pages.freed - before < 5000
    worked.run("sleep 1")
    assert not worked.box.vmalloc.leaving and pages.freed - before > 10_000
    assert worked.run("vmalloc 100M") == 0 and check.check(worked.box) == []
