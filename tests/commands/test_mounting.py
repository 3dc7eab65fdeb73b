"""mount, umount and RAM file systems of a given size, as they are typed."""

import pytest

from tests.commands.typed import Typed

BAD = "wrong fs type, bad option, bad superblock on x, missing codepage or helper program, or other error."
DMESG = "       dmesg(1) may have more information after failed mount system call.\n"


@pytest.fixture
def typed(typed: Typed) -> Typed:
    typed("mkdir /m")
    return typed


def test_a_mounted_tmpfs_holds_what_its_options_say(typed: Typed) -> None:
    wide = ",inode64" if typed.session.box.arch.bits == 64 else ""
    assert typed("mount -t tmpfs -o size=1M,nr_inodes=5,mode=700 x /m") == ""
    assert typed("mount | tail -1") == f"x on /m type tmpfs (rw,relatime,size=1024k,nr_inodes=5,mode=700{wide})\n"
    assert typed("tail -1 /proc/self/mountinfo").endswith(
        f" / /m rw,relatime - tmpfs x rw,size=1024k,nr_inodes=5,mode=700{wide}\n"
    )
    assert typed("df /m | tail -1").split() == ["x", "1024", "0", "1024", "0%", "/m"]
    assert typed("touch /m/a /m/b /m/c /m/d; touch /m/e").endswith("No space left on device\n")
    assert "2+0 records out" not in typed("dd if=/dev/zero of=/m/a bs=1M count=4")
    assert typed("wc -c < /m/a") == "1048576\n"
    assert int(typed("grep Shmem: /proc/meminfo").split()[1]) >= 1024


def test_umount_takes_the_files_and_what_was_covered_comes_back(typed: Typed) -> None:
    before = typed("grep -E 'Shmem:|Committed_AS' /proc/meminfo")
    typed("echo covered > /m/file; mount -t tmpfs x /m; mkdir /m/d; mkfile /m/d/f 64k")
    typed("dd if=/dev/zero of=/m/g bs=4k count=16")
    assert typed("ls /m") == "d  g\n" or typed("ls /m").split() == ["d", "g"]
    typed("p=$(mmap 64k r --file /m/g)")
    assert typed("umount /m") == "umount: /m: target is busy.\n"
    typed("munmap $p 64k")
    assert typed("cd /m; umount /m; cd /") == "umount: /m: target is busy.\n"
    assert typed("umount -v /m") == "umount: /m unmounted\n"
    assert typed("cat /m/file") == "covered\n"
    assert typed("grep -E 'Shmem:|Committed_AS' /proc/meminfo") == before
    assert (typed("umount /m"), typed.status) == ("umount: /m: not mounted.\n", 32)


def test_mounts_lie_on_top_of_each_other(typed: Typed) -> None:
    typed("mount -t tmpfs one /m; touch /m/1; mount -t tmpfs two /m; touch /m/2")
    assert typed("ls /m") == "2\n"
    assert typed("mkdir /m/n; mount -t tmpfs three /m/n; umount /m") == "umount: /m: target is busy.\n"
    assert typed("rmdir /m/n").endswith("Device or resource busy\n")
    typed("umount /m/n /m")
    assert typed("ls /m") == "1\n"


def test_limits_can_be_changed(typed: Typed) -> None:
    typed("mount -t tmpfs -o size=1M x /m; dd if=/dev/zero of=/m/a bs=4k count=64")
    assert typed("mount -o remount,size=2M /m; df /m | tail -1").split()[1] == "2048"
    assert typed("mount -o remount,size=4k /m") == f"mount: /m: mount point not mounted or bad option.\n{DMESG}"
    assert "tmpfs: Too small a size for current use" in typed("dmesg | tail -1")
    half = int(typed("df /dev/shm | tail -1").split()[1])
    assert abs(int(typed("mount -t tmpfs -o size=50% y /m; df /m | tail -1").split()[1]) - half) <= 4
    assert ",size=0k" in typed("mount -t tmpfs -o size=0 z /m; mount | tail -1")


@pytest.mark.parametrize(
    ("line", "said", "status"),
    [
        ("mount -t tmpfs x /none", f"mount: /none: mount point does not exist.\n{DMESG}", 32),
        ("mount -t tmpfs x /etc/passwd", f"mount: /etc/passwd: mount point is not a directory.\n{DMESG}", 32),
        ("mount -t tmpfs -o size=abc x /m", f"mount: /m: {BAD}\n{DMESG}", 32),
        ("mount -t tmpfs -o size=08 x /m", f"mount: /m: {BAD}\n{DMESG}", 32),
        ("mount -t tmpfs -o foo=1 x /m", f"mount: /m: {BAD}\n{DMESG}", 32),
        ("mount -t ext4 x /m", f"mount: /m: special device x does not exist.\n{DMESG}", 32),
        ("mount -t foo x /m", f"mount: /m: unknown filesystem type 'foo'.\n{DMESG}", 32),
        ("mount foo", "mount: foo: can't find in /etc/fstab.\n", 1),
        ("mount -t tmpfs -o ro x /m", "mount: ro: not on this box\n", 32),
        ("umount", "umount: bad usage\nTry 'umount --help' for more information.\n", 1),
        ("umount /none", "umount: /none: no mount point specified.\n", 32),
        ("umount /dev/shm", "umount: /dev/shm: target is busy.\n", 32),
    ],
)  # fmt: skip
def test_what_mount_refuses(line: str, said: str, status: int) -> None:
    typed = Typed("--arch", "i386", "--ram", "128M")
    typed("mkdir /m")
    assert (typed(line), typed.status) == (said, status)
    if "foo=1" in line:
        assert "tmpfs: Unknown parameter 'foo'" in typed("dmesg | tail -1")


def test_undo_takes_a_mount_back(typed: Typed) -> None:
    typed("mount -t tmpfs x /m")
    typed("undo")
    assert "/m" not in typed("mount")


def test_names_with_blanks_are_escaped_and_df_knows_every_file_system(typed: Typed) -> None:
    typed("mkdir '/a b'; mount -t tmpfs -o size=1M 'x y#' '/a b'")
    assert typed("tail -1 /proc/mounts").split()[:3] == ["x\\040y\\043", "/a\\040b", "tmpfs"]
    assert typed("df '/a b' | tail -1").split() == ["x", "y#", "1024", "0", "1024", "0%", "/a", "b"]
    assert typed("df /proc | tail -1").split() == ["proc", "0", "0", "0", "-", "/proc"]
    rows = [line.split()[-1] for line in typed("df -a").splitlines()[1:]]
    assert rows[:3] == ["/", "/proc", "/sys"] and rows[-1] == "b"
    assert "devtmpfs" in typed("df") and "sysfs" not in typed("df")
