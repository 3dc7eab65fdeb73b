"""One promise, four ways: after any session undo and redo, save, the journal of a killed memsh, and a copy of the box
give the same /proc, free lists, slabs, bytes, values, variables, log and clock."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings

from memsh.cli import open_session, read_options, resumed
from memsh.shell.limits import make_room
from memsh.shell.script import run_script
from memsh.shell.session import Session
from memsh.teach import store
from tests.observing import differing, seen, session_seen
from tests.teach.sessions_at_random import SESSIONS

make_room()  # as the first function that is called does
SETTINGS = settings(
    max_examples=12, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


def opened(arch: str) -> Session:
    return open_session(["--arch", arch, "--ram", "64M"], io.StringIO(), io.StringIO())


def held(arch: str, lines: list[str]) -> None:
    made = opened(arch)
    made.at_prompt = True
    store.keep_on_disk(made)
    journal = made.timeline.store
    for line in lines:
        made.run(line)
    there = session_seen(made)

    assert made.jobs or not differing(seen(made.box, True), seen(made.box.copy(), True)), "a copy"

    with tempfile.TemporaryDirectory() as folder:
        made.run(f"save {folder}/saved")
        again = opened(arch)
        again.run(f"source {folder}/saved")
        assert not differing(there, session_seen(again)), Path(folder, "saved").read_text("utf-8")

    journal.close()
    made.timeline.store = None
    if journal.written:
        assert not differing(there, session_seen(resumed(read_options(["--resume", journal.name])))), "resumed"
        journal.path.unlink()

    changed = sum(entry.changed for entry in made.timeline.entries)
    for count in sorted({1, 3, changed} & set(range(1, changed + 1))):
        made.run(f"undo {count}")
        made.run(f"redo {count}")
        assert not differing(there, session_seen(made)), f"undo {count}"


@pytest.mark.parametrize("arch", ["i386", "x86_64"])
@SETTINGS
@given(lines=SESSIONS)
@example(lines=["exec 3> /t3; echo hello >&3", "kmalloc 64"])
@example(lines=["heap > /dev/null; account > /dev/null", "hexdump $((0x8155000)) 64 > /tmp/h"])
@example(lines=["trap 'malloc 6' EXIT; (trap 'malloc 7' EXIT)", "false", "exec 3> /t1; echo hello >&3"])
@example(lines=["exec 3> /f; echo one >&3; malloc 5; undo; echo two >&3", "exec 4< /f; read -r x <&4", "read -r x <&4"])
@example(lines=["trap 'malloc 6' DEBUG", "kmalloc 64", "undo; undo", "redo", "restore none"])
@example(lines=["exec 4< <(seq 4); read -r x <&4", "alias uu='undo; malloc 5'; uu", "uu", "read -r y <&4"])
@example(lines=["malloc 9; undo", "x=2 && malloc 1M", "y=$(undo)", "true && snapshot one", "restore one"])
@example(lines=["set -o pipefail; false | true; x=$?", "f() { y=$?; }; false", "f; unset -f f", "dmesg -C"])
@example(lines=["malloc 5", "alias u='undo; malloc 5'; u", "stopped 24 'p=$(history); malloc 5k; diff /proc/meminfo'"])
@example(lines=["sleep 5 & (sleep 3; malloc 7k) &", "stopped 3 'sleep 5 & malloc 1; sleep 10'", "undo", "redo"])
@example(lines=["false | true", "x=${PIPESTATUS[0]}; y=$?", "echo a b", "x=$_", "set -e; false", "x=$?", "kmalloc 6"])
@example(lines=["trap 'y=$((y + 1))' ERR", "false", "x=$?", "stopped 9 'malloc 1; false; malloc 2'", "x=$y; malloc 6"])
@example(lines=["f() { y=${PIPESTATUS[*]}; z=$_; }", "false | false", "f; kmalloc 64", "trap - ERR; false", "f"])
@example(lines=["stopped 2 'sleep 1; malloc 5' & stopped 1 'malloc 3' & true", "malloc 7", "sleep 5", "wait"])
@example(lines=["echo 'malloc 1; sleep 2; malloc 2' > /s", "source /s & malloc 3", "sleep 1", "x=$(source /s)", "wait"])
@example(lines=["SECONDS=100", "sleep 2", "x=$SECONDS", "pushd -n /tmp", "getopts aa y -aa", "getopts aa y -aa"])
@example(lines=[
    "mkdir /sys/fs/cgroup/a; echo +memory > /sys/fs/cgroup/cgroup.subtree_control",
    "echo 0 > /sys/fs/cgroup/a/cgroup.procs; echo 4M > /sys/fs/cgroup/a/memory.max", "x=$(mmap 8M); touch $x 8M",
])
@example(lines=["sleep 5 & x=$!; kill $x; wait $x; y=$?", "sleep 2 & wait -n; x=$?"])
@example(lines=[
    "exec 4< <(seq 2; sleep 3; seq 7 9); read x <&4", "malloc 5; read x <&4", *["read -t 1 x <&4"] * 3, "read y <&4",
])
@example(lines=["sleep 9 & disown", "sleep 5 &", "undo", "redo"])
@example(lines=["echo abc > /t", "undo", 'echo "$_$?" > /t; x=$_'])
@example(lines=["malloc 5; trap 'explain -b --step' ERR", "{ malloc 6; false; }", "x=$(explain -b | wc -l)", "false"])
@example(lines=["display cat /proc/buddyinfo", "stopped 9 'malloc 1; malloc 2; malloc 3; malloc 4'", "malloc 5"])
@example(lines=["nosuch 2> /t", "x=$(cd /nothere 2>&1; y 2>&1)", "(sleep 1; nosuch 2> /u) &", "f() { x; }; f 2> /v"])
@example(lines=["sysctl -w vm.overcommit_memory=1; x=$(mmap 90M)", "touch $x 90M", "snapshot a", "restore a"])
def test_any_session(arch: str, lines: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    held(arch, lines)


def test_line_numbers_of_a_script(tmp_path: Path) -> None:
    script = tmp_path / "numbers.memsh"
    script.write_text("# one\nx=$LINENO\n\nf() { y=$LINENO; }\nmalloc $((LINENO * 100))\nf; kmalloc 64\n")
    made = opened("i386")
    run_script(made, script.read_text(), str(script))
    there = session_seen(made)
    assert (made.variables["x"], made.variables["y"]) == ("2", "4")
    made.run("undo 9")
    made.run("redo 9")
    assert not differing(there, session_seen(made))
    made.run("z=$LINENO; g() { w=$LINENO; }; g")
    there = session_seen(made)
    made.run(f"save {tmp_path}/saved")
    again = opened("i386")
    again.run(f"source {tmp_path}/saved")
    assert not differing(there, session_seen(again))
