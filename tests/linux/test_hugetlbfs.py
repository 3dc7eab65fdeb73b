"""Mounted file systems of huge pages. The answers are the real machine's."""

from __future__ import annotations

import pytest

from tests.commands.typed import Typed


@pytest.fixture
def typed() -> Typed:
    box = Typed("--arch", "x86_64", "--ram", "512M")
    box("sysctl -q vm.nr_hugepages=10; mkdir /h /i; mount -t hugetlbfs none /h; cd /h")
    return box


def pool(typed: Typed) -> str:
    """Free and reserved pages."""
    return " ".join(typed("grep -E 'HugePages_(Free|Rsvd)' /proc/meminfo | tr -s ' ' | cut -d' ' -f2").split())


def sizes(typed: Typed, name: str) -> str:
    """KiB that it has, and its length."""
    return " ".join(typed(f"stat -c '%b %s' {name}").split())


OPTIONS = """pagesize=4M: hugetlbfs: Unsupported page size 4 MB
pagesize=x: hugetlbfs: Unsupported page size 0 MB
size=4M: none on /i type hugetlbfs (rw,relatime,pagesize=2M,size=4194304)
size=50%: none on /i type hugetlbfs (rw,relatime,pagesize=2M,size=10485760)
min_size=4M: none on /i type hugetlbfs (rw,relatime,pagesize=2M,min_size=4194304)
nr_inodes=5: none on /i type hugetlbfs (rw,relatime,nr_inodes=5,pagesize=2M)
mode=0700: none on /i type hugetlbfs (rw,relatime,mode=700,pagesize=2M)
foo: hugetlbfs: Unknown parameter 'foo'
size=1: none on /i type hugetlbfs (rw,relatime,pagesize=2M,size=0)
min_size=100M: mount: /i: mount(2) system call failed: Cannot allocate memory.
size=4M,min_size=6M: hugetlbfs: Minimum size can not be greater than maximum size
nr_inodes=0: mount: /i: mount(2) system call failed: Cannot allocate memory.
pagesize=1G: none on /i type hugetlbfs (rw,relatime,pagesize=1024M)
mode=8: hugetlbfs: Bad value for 'mode'
uid=x: hugetlbfs: Bad value for 'uid'
uid=1000,gid=0x64,mode=750: none on /i type hugetlbfs (rw,relatime,uid=1000,gid=100,mode=750,pagesize=2M)
size=3M,pagesize=2048K: none on /i type hugetlbfs (rw,relatime,pagesize=2M,size=2097152)
"""


def test_options(typed: Typed) -> None:
    told = ""
    for line in OPTIONS.splitlines():
        words = line.partition(": ")[0]
        refused = typed(f"mount -t hugetlbfs -o {words} none /i")
        if not refused:
            answer = typed("mount | grep ' /i '")
        elif "wrong fs type" in refused:
            answer = typed("dmesg | tail -1 | cut -d']' -f2").strip()
        else:
            answer = refused.splitlines()[0]
        told += f"{words}: {answer.strip()}\n"
        typed("umount /i")
    assert told == OPTIONS
    assert pool(typed) == "10 0"


def test_files_are_read_truncated_and_allocated(typed: Typed) -> None:
    assert "Invalid argument" in typed("echo x > f")
    assert "dd: error writing 'f': Invalid argument" in typed("dd if=/dev/zero of=f bs=4096 count=1")
    assert "failed to truncate 'f' at 3145728 bytes: Invalid argument" in typed("truncate -s 3M f")
    typed("truncate -s 4M f")
    assert (sizes(typed, "f"), typed("cat f | wc -c").strip(), pool(typed)) == ("0 4194304", "4194304", "10 0")
    typed("fallocate -l 4M f")
    assert (sizes(typed, "f"), pool(typed), typed("df /h | tail -1").split()[1]) == ("8192 4194304", "8 0", "0")
    assert "Invalid argument" in typed("ln -s f l")
    typed("mkdir d; ln f k; mv f d/g; rm -r d")
    assert pool(typed) == "8 0"
    typed("rm k; touch n; fallocate -l 6M n; truncate -s 2M n")
    assert (sizes(typed, "n"), pool(typed)) == ("4096 2097152", "9 0")
    typed("fallocate -l 3M n")
    assert sizes(typed, "n") == "8192 3145728"
    assert typed("fallocate -l 100M n") == "fallocate: fallocate failed: No space left on device\n"
    assert (sizes(typed, "n"), pool(typed)) == ("40960 3145728", "0 0")
    assert typed("rm n; check").startswith("ok")
    assert pool(typed) == "10 0"


def test_a_mapped_file_reserves_and_outlives_its_name(typed: Typed) -> None:
    typed("truncate -s 4M m; mmap 4M rw shared --file m")
    assert (pool(typed), sizes(typed, "m")) == ("10 2", "0 4194304")
    typed("touch $1 2M")
    assert (pool(typed), sizes(typed, "m")) == ("9 1", "4096 4194304")
    typed("rm m; cd /")
    assert pool(typed) == "9 1"
    assert typed("umount /h") == "umount: /h: target is busy.\n"
    assert typed("check").startswith("ok")
    typed("munmap $1 4M")
    assert pool(typed) == "10 0"
    assert typed("umount /h; check").startswith("ok")


def test_what_a_mount_may_have_and_is_sure_of(typed: Typed) -> None:
    typed("mount -t hugetlbfs -o size=4M none /i; cd /i; fallocate -l 4M a")
    assert "No space left" in typed("fallocate -l 2M b")
    assert typed("df /i | tail -1").split()[1:5] == ["4096", "4096", "0", "100%"]
    typed("rm a b; cd /; umount /i; mount -t hugetlbfs -o size=8M,min_size=4M,nr_inodes=3 none /i; cd /i")
    assert pool(typed) == "10 2"
    assert "touch: cannot touch 'c': No space left on device" in typed("touch a b c")
    typed("fallocate -l 2M a")
    assert (pool(typed), typed("df /i | tail -1").split()[1:5]) == ("9 1", ["8192", "2048", "6144", "25%"])
    assert "No space left" in typed("fallocate -l 10M b")
    assert (sizes(typed, "a"), sizes(typed, "b"), pool(typed)) == ("4096 2097152", "12288 0", "6 0")
    assert typed("check").startswith("ok")
    typed("cd /; umount /i")
    assert pool(typed) == "10 0"
    assert typed("check").startswith("ok")


def test_a_remount_reads_the_options_and_leaves_them(typed: Typed) -> None:
    typed("mount -t hugetlbfs -o size=8M none /i")
    assert typed("mount -o remount,size=4M,noatime /i; echo $?; mount | grep ' /i '").splitlines() == [
        "0", "none on /i type hugetlbfs (rw,noatime,pagesize=2M,size=8388608)"]  # fmt: skip
    for option, words in (("foo=1", "Unknown parameter 'foo'"), ("pagesize=3M", "Unsupported page size 3 MB")):
        assert "mount point not mounted or bad option" in typed(f"mount -o remount,{option} /i")
        assert f"hugetlbfs: {words}" in typed("dmesg | tail -1")


def test_whose_the_directory_is_and_what_has_no_meaning(typed: Typed) -> None:
    typed("mount -t hugetlbfs -o uid=1000,gid=100 none /i; mkdir /j; mount -t tmpfs -o uid=7 none /j")
    assert typed("stat -c '%n %u %U %g %G' /i /j; find /i /j -maxdepth 0 -nogroup") == (
        "/i 1000 UNKNOWN 100 UNKNOWN\n/j 7 UNKNOWN 0 root\n/i\n")
    assert [line.split()[2:4] for line in typed("ls -ld /i /j /tmp").splitlines()] == [
        ["1000", "100"], ["7", "root"], ["root", "root"]]  # fmt: skip
    assert "wrong fs type" in typed("mount -t hugetlbfs -o size=x none /i")
    assert typed("dmesg | tail -2 | cut -d] -f2") == " hugetlbfs: Bad value 'x' for mount option 'size'\n\n"


def test_pipes_and_devices_have_names_there_and_no_huge_pages(typed: Typed) -> None:
    """As hugetlbfs_mknod() makes them."""
    before = pool(typed)
    typed("mkfifo p; mknod n c 1 5; mknod d b 254 16")
    assert typed("stat -c '%F' p n d") == "fifo\ncharacter special file\nblock special file\n"
    assert typed("(echo hi > p) & read x < p; echo $x").endswith("hi\n")
    assert typed("head -c 3 n | xxd -p; head -c 3 d | wc -c") == "000000\n3\n"
    typed("rm p n d")
    assert pool(typed) == before and typed("check").startswith("ok")
