"""chmod, fallocate, truncate: what a swap file is made with."""

import pytest

from memsh.commands.attributes import new_mode
from memsh.inspect.check import check
from tests.commands.typed import Typed


@pytest.mark.parametrize(
    ("mode", "words", "new"),
    [(0o644, "600", 0o600), (0o644, "u+x,go-r", 0o700), (0o644, "a=r", 0o444), (0o600, "+x", 0o711),
     (0o777, "o=", 0o770), (0o755, "u+s", 0o4755), (0o755, "+t", 0o1755), (0o644, "4755", 0o4755)],
)  # fmt: skip
def test_modes(mode: int, words: str, new: int) -> None:
    assert new_mode(mode, words) == new


def test_a_swap_file_as_people_make_one() -> None:
    said = Typed("--ram", "64M")
    assert said("fallocate -l 8M /swapfile; chmod 600 /swapfile; ls -l /swapfile").startswith(
        "-rw------- 1 root root 8388608 "
    )
    assert "insecure" not in said("mkswap /swapfile; swapon /swapfile")
    assert said("swapon --show=NAME,TYPE,SIZE --noheadings") == "/swapfile file   8M\n"
    assert said("truncate -s 1M /swapfile") == (
        "truncate: failed to truncate '/swapfile' at 1048576 bytes: Text file busy\n"
    )
    assert check(said.session.box) == []


def test_what_is_new_reads_as_zeros_and_what_was_there_stays() -> None:
    said = Typed("--ram", "64M")
    said("echo hello > /a; truncate -s +4 /a; fallocate -l 3 /a")
    assert said("wc -c /a; head -1 /a; truncate -s -9 /a; wc -c /a") == "10 /a\nhello\n1 /a\n"
    assert said("truncate -c -s 5 /none; ls /none") == "ls: cannot access '/none': No such file or directory\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("fallocate -l 10G /x", "fallocate: fallocate failed: No space left on device\n"),
        ("fallocate -l 1M /etc", "fallocate: cannot open /etc: Is a directory\n"),
        ("truncate -s 1 /none/x", "truncate: cannot open '/none/x' for writing: No such file or directory\n"),
        ("chmod 600 /none", "chmod: cannot access '/none': No such file or directory\n"),
        ("chmod 888 /etc/hosts", "chmod: invalid mode: '888'\nTry 'chmod --help' for more information.\n"),
        ("chmod 600 /proc/meminfo", "chmod: changing permissions of '/proc/meminfo': Operation not permitted\n"),
    ],
)
def test_refusals(line: str, words: str) -> None:
    assert Typed("--ram", "64M")(line) == words
