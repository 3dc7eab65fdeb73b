"""Where a call that waits came from, as the recorded kernels tell."""

from __future__ import annotations

import pytest

from memsh.commands import processes  # noqa: F401  declares what is typed
from memsh.linux.config import Config
from memsh.machines.box import Box
from memsh.procfs import tree
from memsh.shell.session import Session


def test_a_call_comes_from_the_vdso_or_from_the_program() -> None:
    i386, x86_64 = Box(Config(arch="i386")), Box(Config(arch="x86_64"))
    assert tree.show(i386, "/proc/1/syscall").split()[-1] == "0xb7ffe549"
    assert tree.show(x86_64, "/proc/1/syscall").split()[-1] == "0x4492c3"


@pytest.mark.parametrize(("arch", "program", "place"), [
    ("x86_64", "a.out", "0x43dd0d"), ("x86_64", "a.out-dyn", "0x7ffff7ed82ad"), ("i386", "a.out-dyn", "0xb7fc9549"),
])  # fmt: skip
def test_a_read_comes_from_where_its_instruction_is(arch: str, program: str, place: str) -> None:
    session = Session(Box(Config(arch=arch)))
    assert session.run(f"run {program}; run a.out") == 0
    assert tree.show(session.box, "/proc/54/syscall").split()[-1] == place
