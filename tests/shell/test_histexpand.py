"""Past lines in new ones, as the real `bash -i` was seen to expand them."""

import pytest

from memsh.shell.errors import ShellError
from memsh.shell.histexpand import History
from tests.textutils.boxed import boxed

PAST = ['echo one "two three" 4', "echo w1 w2; echo w3 && echo w4 > /dev/null", "echo a b c d e f"]


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("!!", PAST[2]), ("!-2", PAST[1]), ("!1", PAST[0]), ("!echo", PAST[2]), ("!?two?", PAST[0]),
        ("!?one", PAST[0]), ("echo !$ !^ !* !:2 !:0", "echo f a a b c d e f b echo"), ("!!:1 x", "a x"),
        ("echo !!:2-4 !!:3* !!:2- !!:-2 !!:^-$", "echo b c d c d e f b c d e echo a b a b c d e f"),
        ("!1:2", '"two three"'), ("echo !-2:3 !-2:$ !-2:4", "echo ; /dev/null echo"), ("!e:1-", "a b c d e"),
        ("^a^FOO", "echo FOO b c d e f"), ("^a b^x^ y", "echo x c d e f y"), ("!!:s/b/[&]/", "echo a [b] c d e f"),
        ("!!:gs/ /_/", "echo_a_b_c_d_e_f"), ("!!:s/e/E/:&", "Echo a b c d E f"), ("!!:Gs/e/E/", "Echo a b c d E f"),
        ("echo !?w1?:%", "echo w1"), ("echo hi !# there", "echo hi echo hi  there"), ("!!:q", "'echo a b c d e f'"),
        ("!!:1-2:x", "'a' 'b'"), ('echo "d !!" x', 'echo "d echo a b c d e f" x'), ("a!!", "aecho a b c d e f"),
        ("echo `!!:0` $(!!:0)", "echo `echo` $(echo)"), ("!!:s/a/c\\/d/", "echo c/d b c d e f"),
    ],
)  # fmt: skip
def test_what_a_line_becomes(line: str, becomes: str) -> None:
    found = History().expand(line, PAST, False)
    assert found is not None and found.text == becomes and found.runs


@pytest.mark.parametrize(
    "line",
    ["echo 'q !!'", r"echo \!!", "x!", "a != b", '"!"', "echo $! [!a] ${!x}", "# a !!", "echo a # !nosuch", "! true",
     "!"],
)  # fmt: skip
def test_what_means_no_past_line(line: str) -> None:
    assert History().expand(line, PAST, False) is None


def test_a_pattern_means_none_with_extglob() -> None:
    assert History().expand("echo !(a)", PAST, True) is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("!nosuch", "!nosuch: event not found"), ("!99", "!99: event not found"), ("!0", "!0: event not found"),
        ("!!:99", ":99: bad word specifier"), ("!!:k", "k: unrecognized history modifier"),
        ("^nosuch^x", ":s^nosuch^x: substitution failed"), ("!!:gs/Q/A/", ":gs/Q/A/: substitution failed"),
        ("!!:&", ":&: substitution failed"), ('"a!b"', "!b: event not found"), ("!( d", "!: event not found"),
        ('!"x"', '!"x": event not found'),
    ],
)  # fmt: skip
def test_what_there_is_not(line: str, said: str) -> None:
    with pytest.raises(ShellError) as caught:
        History().expand(line, PAST, False)
    assert caught.value.message == said


def test_paths_in_parts() -> None:
    past = ["echo /usr/lib/foo.tar.gz bar"]
    found = History().expand("echo !!:1:h !!:1:t !!:1:r !!:1:e !!:2:h", past, False)
    assert found is not None and found.text == "echo /usr/lib foo.tar.gz /usr/lib/foo.tar .gz bar"
    shown = History().expand("!!:1:h:p", past, False)
    assert shown is not None and shown == ("/usr/lib", False)


def test_a_shell_that_is_typed_at_shows_what_it_runs() -> None:
    typed = "echo a b\n!!\n\n!nosuch\necho no; : !$\n!e:p\n!!\nset +H\necho !!\nset -H\necho !!\n"
    assert boxed("bash --norc -i", stdin=typed) == (
        "a b\na b\nno\nno\n!!\nset -H\n",
        "echo a b\nmemsh: !nosuch: event not found\necho no; : b\necho no; : b\necho no; : b\necho set -H\n", 0,
    )  # fmt: skip
