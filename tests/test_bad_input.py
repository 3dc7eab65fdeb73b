"""What a clumsy or hostile user types: one clear line each, and a whole box after it."""

import io

import pytest

from memsh.cli import main, open_session
from memsh.inspect import check
from memsh.shell.session import Session


def opened(*arguments: str) -> tuple[Session, io.StringIO]:
    screen = io.StringIO()
    return open_session(list(arguments), screen, screen), screen


def test_a_command_line_with_which_the_kernel_does_not_boot(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ("vmalloc=zz", "vmalloc=99G", "vmalloc=1M"):
        assert main(["--cmdline", words, "-c", "true"]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"memsh: --cmdline: {words}: too ") and said.count("\n") == 1


def test_after_a_panic_only_looking_is_left() -> None:
    session, screen = opened("--ram", "64M")
    session.run("as 1 _exit")
    assert "Kernel panic" in screen.getvalue()
    for line in (
        "malloc 5", "fork", "run a.out", "kmalloc 5", "alloc_pages 0", "kmem_cache create x 5", "plain on", "sleep 1",
        "mkfile /f 5", "echo 3 > /proc/sys/vm/drop_caches", "echo x > /tmp/f",
    ):  # fmt: skip
        screen.seek(0)
        screen.truncate()
        assert session.run(line) == 1, line
        assert "the kernel has panicked" in screen.getvalue(), line
    for line in ("zones", "cat /proc/meminfo", "free", "ps", "fixmap", "dmesg", "echo x > /dev/null"):
        assert session.run(line) == 0, line
    assert not list(check.check(session.box))


def test_mmap_refuses_an_offset_inside_a_page() -> None:
    session, screen = opened("--ram", "64M")
    assert session.run("mmap 4k rw --offset 1") == 1
    assert screen.getvalue().endswith("mmap: Invalid argument\n")


def test_views_fit_eighty_columns() -> None:
    session, screen = opened()
    for line in ("zones", "frag", "account", "physmap", "buddy", "areas", "layout", "vmmap", "heap"):
        assert session.run(line) == 0
    assert all(len(line) <= 80 for line in screen.getvalue().splitlines())
