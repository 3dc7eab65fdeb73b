"""What several commands write to one open file: each is a write() of its own, there when the command ends."""

import pytest

from tests.commands.typed import Typed

KNOB = "/proc/sys/vm/swappiness"


@pytest.fixture
def said() -> Typed:
    return Typed("--ram", "128M", "--arch", "x86_64")


def test_a_loop_moves_every_process_that_it_names(said: Typed) -> None:
    said("mkdir /sys/fs/cgroup/a; run a.out; run a.out")
    said("for p in $(pgrep a.out); do echo $p; done > /sys/fs/cgroup/a/cgroup.procs")
    assert said("cat /sys/fs/cgroup/a/cgroup.procs") == said("pgrep a.out")
    assert said("pgrep a.out | wc -l") == "3\n"


def test_a_sysctl_takes_the_first_write_unless_told_otherwise(said: Typed) -> None:
    """Asked of the recorded kernels; a write that is refused leaves the file's position where it was."""
    assert said(f"for i in 10 20; do echo $i; done > {KNOB}; cat {KNOB}") == "10\n"
    assert said(f"exec 3> {KNOB}; echo 40 >&3; echo 50 >&3; exec 3>&-; cat {KNOB}") == "40\n"
    assert said(f"for i in x 22; do echo $i; done > {KNOB}; cat {KNOB}") == "echo: write error: Invalid argument\n22\n"
    assert said(f"sysctl -qw kernel.sysctl_writes_strict=0; for i in 11 21; do echo $i; done > {KNOB}; cat {KNOB}") == (
        "21\n"
    )


def test_what_a_command_has_written_is_there_for_the_next(said: Typed) -> None:
    assert said("{ echo abc; wc -c < /tmp/f; } > /tmp/f; cat /tmp/f") == "abc\n4\n"
    assert said("{ echo 30; cat " + KNOB + "; } > " + KNOB + "; cat " + KNOB) == "30\n"
    assert said("echo a > /tmp/g; (echo b; cp /tmp/g /tmp/h) >> /tmp/g; cat /tmp/h") == "a\nb\n"
