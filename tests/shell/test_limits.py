"""What would take more of the host than is sane ends with one line, and the box is whole."""

import io
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from memsh.cli import open_session
from memsh.commands import processes
from memsh.inspect import check
from memsh.linux.fs import namei
from memsh.shell import language
from memsh.shell.session import Session
from memsh.textutils import numbers

ROOT = Path(__file__).parent.parent.parent


def ran(script: str) -> tuple[Session, str, str]:
    out, err = io.StringIO(), io.StringIO()
    made = open_session(["--ram", "64M"], out, err)
    made.run(script)
    return made, out.getvalue(), err.getvalue()


def test_a_loop_may_heed_the_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PROCESSES", 60)
    loops = "while true; do fork > /dev/null || break; done; echo out; x=a; while x=$x$x; do true; done; echo of"
    _, out, err = ran(loops + "\n")
    assert out == "out\nof\n"
    assert err.count("\n") == 2


def test_a_variable_that_doubles_itself() -> None:
    made, out, err = ran("x=a\nwhile true; do x=$x$x; done; echo never\necho after\n")
    assert err == "memsh: Argument list too long\n"
    assert out == "after\n"
    assert check.check(made.box) == []


def test_a_million_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PROCESSES", 60)
    made, _, err = ran("for i in $(seq 1 1000000); do fork > /dev/null; done; echo never\nrun a.out\n")
    refusal = "there are 60 processes, and 60 are as many as memsh keeps\n"
    assert err == f"fork: {refusal}run: {refusal}"
    assert len(made.box.tasks) == 60
    assert check.check(made.box) == []
    made.run("undo")
    assert len(made.box.tasks) < 60


def test_counting_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "NUMBERS", 50_000)
    _, out, err = ran("seq 1e12 | head -2; seq 1 1e12 > /dev/null; echo $?\nx=$(seq 1e12)\n")
    assert out == "1\n2\n1\n"
    assert err == "seq: 50000 numbers were printed, and that is as far as it counts here\n" * 2


@pytest.mark.parametrize(
    "line",
    ["echo " + "x" * (1 << 20), "(" * (1 << 18), "echo " + "$(" * 50_000, "a;" * 4_000, "'" + "x" * (1 << 20),
     "\0\1\2", "\x1b[2J", "${", "echo " + "{" * 5000, "$((" + "(" * 20_000, "! " * 2000 + "true", "x" * (1 << 20)],
)  # fmt: skip
def test_lines_that_nobody_types(line: str) -> None:
    made, _, err = ran(line + "\n")
    assert "bug" not in err
    assert err.count("\n") < 20_001
    made.run("echo still here")
    assert check.check(made.box) == []


def test_bytes_that_are_no_text() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "memsh", "--ram", "64M"], input=bytes(range(256)) * 40 + b"\necho still here\n",
        capture_output=True, cwd=ROOT, check=False, timeout=60,
    )  # fmt: skip
    assert b"Traceback" not in answer.stderr and b"bug" not in answer.stderr
    assert answer.returncode in (0, 2, 127)


def test_a_reader_that_goes_away() -> None:
    for script in ("cat /proc/slabinfo", "yes", "while true; do echo x; done", "seq 1000000"):
        line = f"{sys.executable} -m memsh --ram 64M -c '{script}' | head -1"
        answer = subprocess.run(line, shell=True, capture_output=True, cwd=ROOT, check=True, timeout=60)
        assert answer.stderr == b""
        assert answer.stdout.count(b"\n") == 1


AWK = "awk: cmd. line:1: fatal: "
SLOW = "this pattern takes too long here\n"
WIDE = "printf: a field is at most 4096 characters wide\n"
DOUBLE = "b=$(printf '%4000s'); for i in 1 2 3; do b=$b$b$b$b; done; c=$b$b$b$b$b$b$b$b; d=$c$c$c$c$c$c$c$c$c$c"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo {1..1000000000}", "echo: Argument list too long\n"), ("echo $((2**999999))", ""),
        ("f() { f; }; f", "memsh: f: maximum function nesting level exceeded (1000)\n"),
        ("h() { eval h; }; h", "eval: nested too deeply\n"), ("printf '%999999999d' 1", WIDE),
        ("printf '%*d' 999999999 1", WIDE), ("a[-1]=1", "memsh: a: bad array subscript\n"),
        ("cat <<END\nx", "memsh: syntax error: << is not finished: a line END is missing (line 1, column 7)\n"),
        ("shopt -s extglob; x=$(printf 'a%.0s' {1..3000}); echo ${x##+(a|aa)b}", f"echo: {SLOW}"),
        ("shopt -s extglob; x=$(printf 'a%.0s' {1..3000}); echo ${x//+(a|aa)b/}", f"echo: {SLOW}"),
        ("shopt -s extglob; x=$(printf 'a%.0s' {1..3000}); [[ $x == +(a|aa)b ]]", f"[[: {SLOW}"),
        ("find / -printf %9999999p", WIDE.replace("printf", "find")),
        ("diff --old-line-format=%9999999dn /proc/swaps /proc/uptime", WIDE.replace("printf", "diff")),
        ("[[ x =~ $(seq 9999) ]]", "[[: Regular expression too big\n"),
        ("grep \"$(seq -s '' 9999)\" /proc/uptime", "grep: Regular expression too big\n"),
        ("read -N 999999999 x < /dev/zero", "read: Argument list too long\n"),
        ("nl -w 4294967295 /proc/uptime", "nl: a field is at most 1048576 characters wide\n"),
        ("xxd -c 99999999 /proc/uptime", "xxd: invalid number of columns (max. 256).\n"),
        ("tr a '[x*9999999999999]' <<< b > /dev/null; awk 'BEGIN {exit 2^1024}'", ""),
        ("x=$(printf '{a,b}%.0s' {1..60}); eval \"echo $x\"", "echo: Argument list too long\n"),
        ("memfd $'\\x80' 1 > /dev/null; run a.out $'\\xff' > /dev/null; date -d @nan 2> /dev/null", ""),
        ("set -- -ab /c; getopts abc y; getopts x$ z -a; getopts x z '' 2> /dev/null", "memsh: illegal option -- a\n"),
        ("save ''", "save: No such file or directory\n"),
        ("i=0; while exec {fd}> /tmp/x; do ((i++ < 300)) || break; done",
         "memsh: redirection error: cannot duplicate fd: Too many open files\n"),
        ("x=$(seq -s/ 3000); mkdir -p $x 2> /dev/null || test ! -e 1", ""),
        ("awk 'BEGIN {printf \"%*d\", 2^1024, 3}'", f"{AWK}a field is at most 1048576 characters wide\n"),
        ("awk 'BEGIN {NF = 2^1024}'", f"{AWK}NF set to negative value\n"),
        ("awk 'BEGIN {printf \"%c\", 2^1030; print 0x" + "f" * 400 + "}' > /dev/null", ""),
        ("umask ''", "umask: `': invalid symbolic mode operator\n"),
        ("timeout " + "9" * 700 + " true; timeout 1" + "0" * 400 + "d true", ""),
        (DOUBLE, "memsh: Argument list too long\n"), ("echo ²; exec ²>&1", "exec: No such file or directory\n"),
    ],
)  # fmt: skip
def test_more_than_the_host_should_be_asked_for(script: str, said: str) -> None:
    made, out, err = ran(script + "\necho still here\n")
    assert err == said and out.endswith("still here\n") is (not script.startswith("cat"))
    assert made.language.frames == [] and made.language.loops == 0 and made.language.source_depth == 0
    assert check.check(made.box) == []


@pytest.mark.parametrize(
    "script",
    [
        "while :; do :; done", "for ((;;)); do :; done", "until false; do x=$((x+1)); done",
        "f() { while :; do f2; done; }; f2() { :; }; f", "x=$(while :; do :; done)",
        "while :; do echo x; done | cat > /dev/null", "( while :; do :; done )", "while :; do eval ':'; done",
        "[[ $(printf '%4000s') =~ ( ( *)*)*x ]]; while :; do :; done",
        "x=$(printf '%4000s'); x=$x$x$x$x$x$x$x$x; while :; do y=${x%[ ]*[x]}; y=${x##+( )x}; done",
        "while :; do for i in {1..100000}; do :; done; done",
        "while read x; do :; done < /dev/zero; while :; do case a in b) ;; esac; done",
    ],
)  # fmt: skip
def test_ctrl_c_is_heeded_within_half_a_second(script: str) -> None:
    out, err = io.StringIO(), io.StringIO()
    made = open_session(["--ram", "64M"], out, err)
    pressed: list[float] = []

    def press() -> None:
        pressed.append(time.process_time())
        made.interrupted = True

    timer = threading.Timer(0.3, press)
    timer.start()
    assert made.run(script + "\n") == 130
    assert time.process_time() - pressed[0] < 0.5
    assert made.run("echo $((1+1))\n") == 0 and out.getvalue().endswith("2\n")
    assert made.language.frames == [] and made.language.loops == 0 and check.check(made.box) == []


def test_files_of_the_host_that_are_one_endless_line(tmp_path: Path) -> None:
    with (tmp_path / "hole").open("wb") as file:
        file.truncate(2 << 30)
    (tmp_path / "line").write_bytes(b"[" * (20 << 20))
    for name in ("hole", "line"):
        for args in (["diagnose", f"{tmp_path}/{name}"], ["--from", f"{tmp_path}/{name}", "-c", "true"]):
            begun = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            answer = subprocess.run(
                [sys.executable, "-m", "memsh", *args], cwd=ROOT, capture_output=True, text=True, check=False,
                timeout=60,
            )  # fmt: skip
            assert answer.returncode and answer.stderr.count("\n") == 1
            assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - begun < 4


def test_move_pages_of_more_than_there_can_be() -> None:
    err = io.StringIO()
    made = open_session(["--ram", "128M", "--arch", "x86_64", "--nodes", "2"], io.StringIO(), err)
    assert made.run("move_pages 0 4294967295 0\n") == 1 and "Cannot allocate memory" in err.getvalue()


def test_variables_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "NAMES", 3000)
    monkeypatch.setattr(language, "VALUES", 300_000)
    refused = "the variables hold as much as memsh keeps\n"
    _, _, err = ran("for i in {1..5000}; do declare v$i=1; done; echo never\n")
    assert err.count(refused) == err.count("\n") == 1, err
    _, out, err = ran("""\
x=$(seq 20000)
for i in {1..99}; do declare v$i="$x"; done; echo never
for i in {1..9999}; do a[i]=$i; done; echo never
declare -A m; for i in {1..9999}; do m[$i]=$i; done; echo never
b=({1..20000}) || echo b
""")
    assert (out, err.count(refused)) == ("b\n", 4), (out, err)


def test_files_and_mounts_as_many_as_linux_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namei, "DISK_INODES", 500)
    made, _, err = ran("""\
for i in {1..900}; do : > /f$i || break; done; rm /f1 && ln -s a /l && mkdir /d
sysctl -w fs.mount-max=5; mkdir /d; for i in {1..6}; do mount -t tmpfs t /tmp || break; done
""")
    assert err.count("No space left on device") == 4, err
    assert check.check(made.box) == []
