"""What awk, sed, grep and sort do with the box's files and commands, what they refuse, and that they come back."""

import time

import pytest

from tests.shell.harness import run
from tests.textutils.boxed import boxed


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("awk 'BEGIN {print \"b\\na\" > \"/tmp/1\"; close(\"/tmp/1\"); while ((getline x < \"/tmp/1\") > 0) print x}'",
         "b\na\n"),
        ("awk 'BEGIN {print \"x\" > \"/tmp/two\"; print \"y\" >> \"/tmp/two\"}'; cat /tmp/two", "x\ny\n"),
        ("awk 'BEGIN {\"cat /proc/loadavg | wc -l\" | getline n; print n + 0}'", "1\n"),
        ("awk '/MemTotal/ {system(\"echo total \" $2)}' /proc/meminfo | cut -d' ' -f1", "total\n"),
        ("echo a > /tmp/three; sed -i 's/a/b/' /tmp/three; cat /tmp/three", "b\n"),
        ("echo a > /tmp/four; sed -i.bak 's/a/b/' /tmp/four; cat /tmp/four /tmp/four.bak", "b\na\n"),
        ("printf '1\\n2\\n' | sed -n 'w /tmp/five'; cat /tmp/five", "1\n2\n"),
        ("printf '2\\n1\\n' > /tmp/six; sort -o /tmp/six /tmp/six; cat /tmp/six", "1\n2\n"),
        ("printf '1\\n3\\n' > /tmp/7; printf '2\\n4\\n' > /tmp/8; sort -m /tmp/7 /tmp/8", "1\n2\n3\n4\n"),
    ],
)  # fmt: skip
def test_files_and_commands_of_the_box(line: str, printed: str) -> None:
    out, err, _ = boxed(line)
    assert (out, err) == (printed, "")


@pytest.mark.parametrize(
    ("line", "said", "status"),
    [
        ("awk 'BEGIN {nofunction(1)}'", "awk: cmd. line:1: Call to undefined function\n", 1),
        ("awk 'BEGIN {print 1 +}'", "awk: cmd. line:1: Unexpected token\n", 1),
        ("awk -z 1", "awk: invalid option -- 'z'\nTry 'awk --help' for more information.\n", 2),
        ("awk 'BEGIN {print 1/0}'", "awk: cmd. line:1: error: division by zero attempted\n", 1),
        ("awk 'BEGIN {x = 0\nprint 1/x}'", "awk: cmd. line:2: fatal: division by zero attempted\n", 2),
        ("awk --lint 1", "awk: --lint: programs are not looked over here\n", 2),
        ("awk '@load \"time\"'",
         "awk: cmd. line:1: error: @load is not known here: there are no libraries to load\n", 1),
        ("sed k", "sed: -e expression #1, char 1: unknown command: `k'\n", 1),
        ("sort --foo", "sort: unrecognized option '--foo'\nTry 'sort --help' for more information.\n", 2),
        ("sort -k", "sort: option requires an argument -- 'k'\nTry 'sort --help' for more information.\n", 2),
        ("grep --co=2 x",
         "grep: option '--co=2' is ambiguous; possibilities: '--count' '--context' '--color' '--colour'\n"
         "Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n", 2),
        ("grep '[[:foo:]]' x", "grep: Invalid character class name\n", 2),
    ],
)  # fmt: skip
def test_what_is_refused(line: str, said: str, status: int) -> None:
    assert run(line) == ("", said, status)


@pytest.mark.parametrize(
    "line",
    [
        "grep -E '^(a|aa)+$'",
        "grep '\\(a*\\)*\\(a*\\)*b'",
        "sed -E 's/(a|a)*(a|a)*$/x/2'",
        "awk '/(a*)*(a*)*(a*)*c/'",
        "awk 'function f(n) {return f(n + 1)} BEGIN {f(1)}'",
        "awk 'BEGIN {printf \"%999999999d\", 1}'",
        "awk 'BEGIN {s = \"x\"; while (1) s = s s}'",
        "sed ':a;s/^/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/;s/.*/&&/;ta'",
    ],
)
def test_what_would_take_for_ever_ends_in_one_line(line: str) -> None:
    start = time.monotonic()
    out, err, status = run(line, stdin="a" * 40 + "!\n")
    assert err.count("\n") <= 1
    assert status or not err
    assert time.monotonic() - start < 5, out


def test_a_hundred_thousand_lines() -> None:
    text = "".join(f"kmalloc-{i % 97} {i} {i * 3 % 1001}\n" for i in range(100_000))
    start = time.process_time()
    out, _, _ = run("awk '{n[$1] += $2; if ($3 > 500) c++} END {print length(n), c}'", stdin=text)
    assert out == "97 49900\n"
    assert time.process_time() - start < 2
