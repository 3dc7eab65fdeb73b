"""What someone would look for who doubts that the box is a Linux one: small answers, on both machines."""

from __future__ import annotations

import io
import re

import pytest

from memsh.cli import open_session
from memsh.inspect.check import check
from memsh.linux.box import Box


class Shell:
    """A session; what a line prints."""

    def __init__(self, arch: str) -> None:
        self.screen = io.StringIO()
        self.session = open_session(["--arch", arch], self.screen, self.screen)

    @property
    def box(self) -> Box:
        return self.session.box

    def __call__(self, line: str) -> str:
        before = self.screen.tell()
        self.session.run(line)
        return self.screen.getvalue()[before:]


@pytest.fixture(params=["i386", "x86_64"])
def shell(request: pytest.FixtureRequest) -> Shell:
    return Shell(request.param)


def test_a_mapped_file_that_is_removed_or_moved_is_named_as_it_is_now(shell: Shell) -> None:
    shell("mkfile /root/f 64k; p=$(mmap 64k r --file /root/f); mkfile /root/g 64k; q=$(mmap 64k r --file /root/g)")
    shell("rm /root/f; mv /root/g /tmp2")
    names = re.findall(r"(/root\S+.*|/tmp2)\n", shell("cat /proc/self/maps"))
    assert sorted(names) == ["/root/f (deleted)", "/tmp2"]
    assert "-> /root/f (deleted)\n" in shell("ls -l /proc/self/map_files")
    shell("mkdir /d; mv /tmp2 /d/x; mv /d /e")
    assert shell("grep -c /e/x /proc/self/maps") == "1\n"


def test_freed_areas_of_vmalloc_are_shown_joined_and_by_address(shell: Shell) -> None:
    shell("a=$(vmalloc 40k); b=$(vmalloc 40k); c=$(vmalloc 40k); d=$(vmalloc 8k); vfree $c; vfree $a")
    rows = shell("grep unpurged /proc/vmallocinfo").split("\n")[:-1]
    assert len(rows) == 2 and rows == sorted(rows)
    shell("vfree $b")
    assert re.fullmatch(r"0x\w+-0x\w+  135168 unpurged vm_area\n", shell("grep unpurged /proc/vmallocinfo"))
    assert check(shell.box) == []


def test_warnings_come_once_and_taint(shell: Shell) -> None:
    assert shell("cat /proc/sys/kernel/tainted") == "0\n"
    shell("alloc_pages 11; vmalloc 0; alloc_pages 12; vmalloc 0; vfree 0x1234")
    log = shell("dmesg")
    assert log.count("WARNING: CPU: 0 PID: 53 at mm/page_alloc.c:5634 __alloc_pages+") == 1
    assert log.count("WARNING: CPU: 0 PID: 53 at mm/vmalloc.c:3227 __vmalloc_node_range+") == 1
    assert log.count("---[ end trace 0000000000000000 ]---") == log.count("cut here") == 3
    assert log.count("Comm: a.out Not tainted 6.1.192 #") == 1
    assert log.count("Comm: a.out Tainted: G        W          6.1.192 #") == 2
    stamps = [float(stamp) for stamp in re.findall(r"^\[ *([\d.]+)\]", log, re.M)]
    assert stamps == sorted(stamps)
    assert len(set(stamps[-60:])) == 60
    assert shell("cat /proc/sys/kernel/tainted") == "512\n"
    assert shell("uname -v").split()[0] == re.findall(r"6\.1\.192 (#\d+)", log)[0]


def test_limits_of_the_word(shell: Shell) -> None:
    wide = shell.box.arch.word == 8
    assert ("100000" in shell("sysctl kernel.pid_max=100000")) == wide
    assert shell("hostname") == "localhost\n"
    assert shell("mmap 16E") == shell("mmap 1P") == "minflt 0 majflt 0\nmmap: Cannot allocate memory\n"
    if wide:
        assert "not canonical" in shell("pagewalk 0x800000000000") and "not canonical" in shell("whatis 0x900000000000")
        assert shell("whatis 0xffffffff81000000") == "0xffffffff81000000: Kernel code, frame 0x1000\n"


def test_programs_may_be_run(shell: Shell) -> None:
    assert shell("stat -c %a /bin/a.out /etc/passwd") == "755\n644\n"


def test_strace_of_fork_and_programs(shell: Shell) -> None:
    said = shell("strace fork").splitlines()
    flags = r"CLONE_CHILD_CLEARTID\|CLONE_CHILD_SETTID\|SIGCHLD"
    wanted = rf"clone\(child_stack=NULL, flags={flags}, child_tidptr=0x\w+\) = 54"
    assert re.fullmatch(wanted, said[0]) and said[1].startswith("$1 = 54 ")
    said = shell("strace run a.out 'a b'").splitlines()
    assert re.fullmatch(r'execve\("/bin/a.out", \["a.out", "a b"\], 0x\w+ /\* 2 vars \*/\) = 0', said[0])
