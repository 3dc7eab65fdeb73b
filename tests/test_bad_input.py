"""What a clumsy or hostile user types: one clear line each, and a whole box after it."""

import io
import shutil
from pathlib import Path

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


def test_a_machine_too_small_for_its_cpus_or_nodes(capsys: pytest.CaptureFixture[str]) -> None:
    for options, told in (
        (["--ram", "64M", "--cpus", "64"], "64M are too little for 64 CPUs: Resource temporarily unavailable"),
        (["--ram", "64M", "--cpus", "2", "--nodes", "3"], "node 1 has no room for its own data"),
    ):
        assert main(["--arch", "x86_64", *options, "-c", "true"]) == 2
        assert capsys.readouterr().err == f"memsh: {told}\n"


def test_huge_ranges_of_a_64_bit_process_cost_what_is_mapped_in_them() -> None:
    session, screen = opened("--arch", "x86_64", "--ram", "64M")
    for line, told in (
        ("frames 0x7ffffffff001 1T", "-+268435457\nminflt 0 majflt 0\n"),
        ("p=$(mmap 100T rw private,noreserve); write $p 16k; frames $p 100T", "+4 -+26843545596\n"),
        ("nodes $p 100T", "0+4 -+26843545596\nminflt 0 majflt 0\n"),
        ("cat /proc/self/pagemap | head -c 9M | wc -c", "9437184\n"),
    ):
        screen.seek(0)
        screen.truncate()
        session.run(line)
        assert told in screen.getvalue()
    assert check.check(session.box) == []


def test_a_huge_page_is_in_pagemap_and_fragment_gives_its_parts_back() -> None:
    session, screen = opened("--arch", "x86_64", "--ram", "256M")
    session.run("echo always > /sys/kernel/mm/transparent_hugepage/enabled; p=$(mmap 8M); write $p 8M; n=$((p/512))")
    session.run("frames $p 8M; dd if=/proc/self/pagemap bs=8 skip=$((p/4096+1024)) count=2 2>/dev/null | xxd -p")
    shown = screen.getvalue().splitlines()
    assert shown[-1].strip("0") and shown[-1] != "0" * 32, shown
    session.run("fragment --order 4")
    assert "bug in memsh" not in screen.getvalue()
    assert check.check(session.box) == []


def test_a_script_that_never_ends_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--ram", "64M", "/dev/zero"]) == 126
    assert capsys.readouterr().err == "memsh: /dev/zero: File too large\n"


NONSENSE = {
    "uptime": "a b\n", "loadavg": "x\n", "stat": "cpu  1 2\nbtime x\nprocesses\n", "1/stat": "1 (x) S\n",
    "1/status": "Name\nUid: a\n", "meminfo": "MemTotal: -1 kB\nMemFree: " + "9" * 6000 + " kB\n",
    "slabinfo": "slabinfo - version: 2.1\n# name\nx -1 a 0 0 0 : tunables : slabdata\n", "vmallocinfo": "0x-0x\n",
    "buddyinfo": "Node -1, zone x 1 2 a\nNode 0, zone\n", "diskstats": " a b\n", "cpuinfo": "processor: x\n",
    "interrupts": " CPU0 CPU1\n 0: 1\nx\n", "softirqs": "",
    "sysvipc/shm": "key shmid perms\n 99999999999 1 9 x\n1 2 600\n",
}  # fmt: skip
TOOLS = [
    "ps aux", "vmstat", "vmstat -s", "free", "top -b -n1", "slabtop -o", "pmap -x 1", "uptime", "w", "buddy",
    "zones", "frag", "account", "explain available", "numastat", "numactl -H", "lscpu", "sysctl -a", "pgrep x",
    "pidstat -urdswvRt -p ALL", "pidstat -h --human -T ALL", "mpstat -A", "iostat -x", "iostat -hp ALL", "lsipc",
    "lsipc -m", "lscpu -J", "lscpu --output-all -e", "findmnt -D", "df", "stat -f /proc",
]  # fmt: skip


@pytest.mark.parametrize("name", NONSENSE)
def test_a_recorded_file_with_nonsense_in_it(name: str, tmp_path: Path) -> None:
    tree = tmp_path / "proc"
    shutil.copytree(Path(__file__).parent / "reference" / "boot-128m-1cpu", tree)
    (tree / name).parent.mkdir(exist_ok=True)
    (tree / name).write_text(NONSENSE[name])
    err = io.StringIO()
    made = open_session(["--proc", str(tree)], io.StringIO(), err)
    for line in (*TOOLS, f"fields {name.rpartition('/')[2]}"):
        made.run(line + "\n")  # a bug would be raised
    assert made.run("echo alive\n") == 0 and "bug" not in err.getvalue()


HEAD = '{"memsh": "0.1.0", "boot": {"--ram": "64M"}}'


@pytest.mark.parametrize(
    "lines",
    [
        [HEAD, '{"n": 1e400, "line": "x=1", "changed": true}'], [HEAD, "[" * 3000],
        [HEAD, '{"cut": -1}', '{"redo": 1}'],
        [HEAD, '{"n": 1, "line": "reset", "jump": "reset", "script": ["reset --ram"]}'],
        [HEAD, '{"n": 1, "line": "reset", "jump": "reset", "script": ["reset --ram 99999T"]}'],
        [HEAD, '{"snapshot": "a", "at": 9}', '{"n": 1, "line": "restore b", "jump": "restore b"}'],
        [HEAD, '{"n": 1, "line": "x", "changed": true, "run": "for ("}'],
        ['{"memsh": "0.1.0", "boot": {"--evil": "1"}}'],
        ["\0\0"], [""], ['{"memsh": "0.1.0", "format": "x", "boot": {}}'], ["[" * 3000],
    ],
)  # fmt: skip
def test_a_journal_with_nonsense_in_it(
    lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = tmp_path / "memsh" / "sessions"
    folder.mkdir(parents=True)
    (folder / "20200101-000000-1.jsonl").write_text("".join(line + "\n" for line in lines))
    status = main(["--resume", "20200101-000000-1", "-c", "echo alive"])
    said = capsys.readouterr()
    assert "alive" in said.out if status == 0 else said.err.count("\n") == 1


def test_numbers_are_written_in_c_s_digits() -> None:
    """What Python's int() takes too (digits of other scripts, 1_0, 0b1, 0o7) is no number to the kernel or a tool."""
    session, _ = opened("--arch", "x86_64", "--ram", "64M")
    session.run("mkdir /sys/fs/cgroup/c; malloc 5; seg=$(shmget 7 4k)")
    doors = (
        "echo {} > /proc/self/oom_score_adj", "echo {} > /proc/self/oom_adj", "echo {} > /proc/self/clear_refs",
        "echo {} > /sys/fs/cgroup/c/cgroup.procs", "taskset -p {} 53", "ipcrm -m {}", "shmget {} 4k", "malloc {}",
        "kill -0 {}", "kmalloc {}", "alloc_pages {}", "sysctl -w vm.swappiness={}",
    )  # fmt: skip
    for door in doors:
        for word in ("\u0663", "1_0", "0b1 ", "0o7", "\uff11"):
            assert session.run(door.format(f"'{word}'")) != 0 or (door.startswith("taskset") and word == "0b1 "), door
    assert session.run("echo 010 > /proc/self/oom_score_adj; [ $(cat /proc/self/oom_score_adj) = 8 ]") == 0
    assert session.run("echo 01 > /proc/self/clear_refs") == 0


def test_figures_that_are_none_or_too_large() -> None:
    session, screen = opened("--ram", "64M")
    for line, told in (
        ("seq 1 ٣", "seq: invalid floating point argument: '٣'\nTry 'seq --help' for more information.\n"),
        ("echo {1..3..9223372036854775807} {a..c..9223372036854775808} {1..9223372036854775808}",
         "1 {a..c..9223372036854775808} {1..9223372036854775808}\n"),
        ("echo {1..3..-9223372036854775808} {0001..000000000000000000000002}",
         "{1..3..-9223372036854775808} 000000000000000000000001 000000000000000000000002\n"),
        ("awk 'BEGIN { print $1e400 }'", "awk: cmd. line:1: Access to negative field\n"),
        ("awk 'BEGIN { print $9e9 \"x\" }'", "x\n"),
    ):  # fmt: skip
        screen.seek(0)
        screen.truncate()
        session.run(line)
        assert screen.getvalue() == told
    for flag in ("-n", "-q", "--count"):
        for figure in ("nan", "inf", "1e400", "٣", "x"):
            screen.seek(0)
            screen.truncate()
            assert session.run(f"watch {flag} {figure} true") == 1
            assert screen.getvalue() == f"watch: failed to parse argument: '{figure}': Invalid argument\n"


def test_a_box_for_which_the_host_has_no_memory(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    session, screen = opened("--ram", "64M")

    def refused(*_: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr("memsh.linux.init.main.MemMap", refused)
    assert session.run("reset --ram 128M") == 1
    assert screen.getvalue() == "reset: the host has no memory left for this\n"
    assert main(["--ram", "64M", "-c", "true"]) == 1
    assert capsys.readouterr().err == "memsh: the host has no memory left for this\n"
