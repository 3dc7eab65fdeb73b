"""/sys/kernel/tracing: formats as a kernel of these sources prints them, triggers, the buffers' size, clocks."""

from __future__ import annotations

import re

import pytest

from memsh.linux.arch.x86.arch import Arch
from memsh.linux.arch.x86.i386.arch import I386
from memsh.linux.arch.x86.x86_64.arch import X86_64
from memsh.linux.include.ring_buffer import RingBuffer
from memsh.linux.include.trace_events import EVENTS
from memsh.procfs.trace_format import print_fmt, show_format
from tests.commands.typed import Typed

TRACING = "/sys/kernel/tracing"
KMEM = f"{TRACING}/events/kmem"
TRANSHUGE = (
    "( unsigned long)(((((((( gfp_t)(0x400u|0x800u)) | (( gfp_t)0x40u) | (( gfp_t)0x80u) | (( gfp_t)0x100000u)) | "
    "(( gfp_t)0x02u)) | (( gfp_t)0x08u) | (( gfp_t)0) | (( gfp_t)0)) | (( gfp_t)0x40000u) | (( gfp_t)0x80000u) | "
    "(( gfp_t)0x2000u)) & ~(( gfp_t)(0x400u|0x800u))) | (( gfp_t)0x400u))"
)


def test_the_format_of_an_event() -> None:
    assert show_format(X86_64, "mark_victim", 7) == (
        "name: mark_victim\nID: 7\nformat:\n"
        "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
        "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
        "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
        "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
        "\tfield:int pid;\toffset:8;\tsize:4;\tsigned:1;\n"
        "\tfield:__data_loc char[] comm;\toffset:12;\tsize:4;\tsigned:1;\n"
        "\tfield:unsigned long total_vm;\toffset:16;\tsize:8;\tsigned:0;\n"
        "\tfield:unsigned long anon_rss;\toffset:24;\tsize:8;\tsigned:0;\n"
        "\tfield:unsigned long file_rss;\toffset:32;\tsize:8;\tsigned:0;\n"
        "\tfield:unsigned long shmem_rss;\toffset:40;\tsize:8;\tsigned:0;\n"
        "\tfield:uid_t uid;\toffset:48;\tsize:4;\tsigned:0;\n"
        "\tfield:unsigned long pgtables;\toffset:56;\tsize:8;\tsigned:0;\n"
        "\tfield:short oom_score_adj;\toffset:64;\tsize:2;\tsigned:1;\n\n"
        'print fmt: "pid=%d comm=%s total-vm=%lukB anon-rss=%lukB file-rss:%lukB shmem-rss:%lukB uid=%u pgtables=%lukB '
        'oom_score_adj=%hd", REC->pid, __get_str(comm), REC->total_vm, REC->anon_rss, REC->file_rss, REC->shmem_rss, '
        "REC->uid, REC->pgtables, REC->oom_score_adj\n"
    )
    assert "field:char comm[16];\toffset:12;\tsize:16;\tsigned:1;" in show_format(I386, "oom_score_adj_update", 1)


@pytest.mark.parametrize(("arch", "page", "accounted"), [
    (I386, "(mem_map + ((REC->pfn) - (0UL)))", "0"), (X86_64, "(((struct page *)vmemmap_base) + (REC->pfn))", "1"),
])  # fmt: skip
def test_formats_are_what_the_preprocessor_makes_of_them(arch: Arch, page: str, accounted: str) -> None:
    assert print_fmt(arch, EVENTS["mm_page_free"]) == f'"page=%p pfn=0x%lx order=%d", {page}, REC->pfn, REC->order'
    text = print_fmt(arch, EVENTS["kmalloc"])
    assert f'__print_flags(REC->gfp_flags, "|", {{{TRANSHUGE}, "GFP_TRANSHUGE"}}, ' in text
    assert '{( unsigned long)((( gfp_t)0x20u)|(( gfp_t)0x200u)|(( gfp_t)0x800u)), "GFP_ATOMIC"}' in text
    assert text.endswith(
        f'{{( unsigned long)(( gfp_t)0x800000u), "__GFP_ZEROTAGS"}} ) : "none", REC->node, ({accounted} && '
        '(REC->gfp_flags & ( unsigned long)(( gfp_t)0x400000u))) ? "true" : "false"'
    )


def test_tracing_is_on_and_no_event_is_chosen_at_boot() -> None:
    typed = Typed("--cpus", "2")
    assert typed(f"cd {TRACING}; cat tracing_on current_tracer buffer_size_kb buffer_total_size_kb events/enable") == (
        "1\nnop\n7 (expanded: 1408)\n14 (expanded: 2816)\n0\n"
    )
    typed(f"echo 1 > {KMEM}/kmalloc/enable; kmalloc 64")
    assert typed(f"cat {TRACING}/buffer_size_kb; grep -c kmalloc: {TRACING}/trace") == "1411\n1\n"
    typed(f"echo 0 > {TRACING}/tracing_on; kmalloc 64; echo 7 > {TRACING}/tracing_on; echo hi > {TRACING}/trace_marker")
    text = typed(f"grep -v '^#' {TRACING}/trace; echo >> {TRACING}/trace; grep -c : {TRACING}/trace")
    assert text.count("kmalloc:") == 1 and ": tracing_mark_write: hi\n" in text and text.endswith("4\n")
    assert typed(f": > {TRACING}/trace; grep -c : {TRACING}/trace") == "2\n"


@pytest.mark.parametrize(("name", "word", "answer"), [
    ("tracing_on", "x", "Invalid argument"), ("tracing_on", "4294967296", "out of range"),
    ("events/kmem/enable", "2", "Invalid argument"), ("events/kmem/kfree/enable", "y", "Invalid argument"),
    ("set_event", "*", "Invalid argument"), ("set_event", "kmem:nothing", "Invalid argument"),
    ("current_tracer", "function", "Invalid argument"), ("trace_clock", "wall", "Invalid argument"),
    ("buffer_size_kb", "0", "Invalid argument"), ("buffer_size_kb", "2000000", "Cannot allocate memory"),
    ("set_event_pid", "x", "Invalid argument"), ("events/kmem/kfree/trigger", "hist:keys=ptr", "Invalid argument"),
    ("events/kmem/kfree/trigger", "traceoff:x", "Invalid argument"),
    ("events/kmem/kfree/trigger", "enable_event", "Invalid argument"),
    ("events/kmem/kfree/trigger", "enable_event:kmem:none", "Invalid argument"),
    ("events/kmem/kfree/trigger", "traceoff if order == 1", "Invalid argument"),
])  # fmt: skip
def test_wrong_writes(name: str, word: str, answer: str) -> None:
    assert answer in Typed()(f"echo '{word}' > {TRACING}/{name}")


def test_triggers() -> None:
    typed = Typed()
    typed(f"cd {KMEM}; echo 1 > kmalloc/enable; echo 'traceoff:1 if bytes_req > 200' > kmalloc/trigger")
    assert typed("cat kmalloc/trigger kmalloc/enable") == "traceoff:count=1 if bytes_req > 200\n1*\n"
    assert "File exists" in typed("echo traceoff > kmalloc/trigger")
    typed("kmalloc 100; kmalloc 300; kmalloc 100")
    assert re.findall(r"bytes_req=(\d+)", typed(f"cat {TRACING}/trace")) == ["100", "300"]
    assert typed(f"cat {TRACING}/tracing_on kmalloc/trigger") == "0\ntraceoff:count=0 if bytes_req > 200\n"
    typed(f"echo '!traceoff' > kmalloc/trigger; echo 1 > {TRACING}/tracing_on; : > {TRACING}/trace")
    assert typed("cat kmalloc/trigger kmalloc/enable") == (
        "# Available triggers:\n# traceon traceoff enable_event disable_event\n1\n"
    )
    typed("echo 0 > kmalloc/enable; echo enable_event:kmem:kmalloc > kfree/trigger")
    assert typed("cat kfree/trigger kfree/enable kmalloc/enable") == (
        "enable_event:kmem:kmalloc:unlimited\n0*\n0*\n"
    )
    typed("k=$(kmalloc 500); kfree $k; kmalloc 600")
    assert re.findall(r"bytes_req=(\d+)", typed(f"cat {TRACING}/trace")) == ["600"]
    assert typed("cat kmalloc/enable; echo '!enable_event:kmem:kmalloc' > kfree/trigger; cat kfree/enable") == "1*\n0\n"


def test_a_full_buffer_loses_its_oldest_page() -> None:
    buffer = RingBuffer(8)
    buffer.resize(8)
    assert buffer.pages() == 3
    for n in range(300):  # 40 bytes each: 102 a page
        buffer.write(36, n, (1, "a", n % 2), ("e", n))
    assert len(buffer) == 300 and [one.number for one in buffer] == [*range(300)]
    for n in range(500):
        buffer.write(36, 300 + n, (1, "a", 0), ("e", n))
    assert (buffer.total, len(buffer)) == (800, 150 + 650 - 102 * 4)
    buffer.resize(1)
    assert len(buffer.cpus[0].events) == 650 - 102 * 5 and len(buffer.cpus[1].events) == 150


def test_numbers_go_by_the_kernel() -> None:
    assert Typed()(f"cat {KMEM}/kfree/id; cd {TRACING}; grep -c memcg available_events; tail -1 available_events") == (
        "228\n0\nwriteback:writeback_dirty_folio\n"
    )
    typed = Typed("--arch", "x86_64")
    text = typed(f"cat {TRACING}/events/vmscan/*/id; cat {KMEM}/kfree/id")
    assert len(set(text.split())) == len(text.split()) and text.endswith("\n232\n")
    assert "memcg" in typed(f"ls {TRACING}/events/vmscan")


def test_another_clock_begins_anew() -> None:
    typed = Typed()
    typed(f"echo 1 > {KMEM}/kmalloc/enable; kmalloc 64; cd {TRACING}; echo counter > trace_clock; kmalloc 64")
    typed("kmalloc 8")
    assert re.findall(r"\.\.\.\.\. +(\d+): kmalloc", typed("cat trace")) == ["1", "2"]
    assert typed("cat trace_clock").startswith("local global [counter] uptime ")


def test_options() -> None:
    """As a kernel with these tracers answered."""
    typed = Typed("--cpus", "2")
    typed(f"cd {TRACING}; echo m1 > trace_marker; echo noirq-info > trace_options")
    head = r"FUNCTION\n#              \| \|         \|         \|         \|\n"
    assert re.search(head + r" +a.out-53 +\[000\]  +1\.\d+: tracing_mark_write: m1\n", typed("cat trace"))
    assert typed("echo nocontext-info > trace_options; cat trace") == "# tracer: nop\n#\ntracing_mark_write: m1\n"
    for word, answer in (("nonsense", "1"), ("no", "1"), ("", "1"), ("noannotate ", "0"), (" annotate", "0"),
                         ("nonirq-info", "1"), ("stacktrace", "1")):  # fmt: skip
        assert typed(f"echo '{word}' > trace_options 2> /dev/null; echo $?") == f"{answer}\n", word
    assert typed("echo 0 > options/annotate; cat options/annotate; grep -c ^no trace_options") == "0\n21\n"
    assert "Invalid argument" in typed("echo 2 > options/annotate")
    assert "Invalid argument" in typed("echo nomarkers > trace_options; echo m2 > trace_marker")


def test_each_cpus_buffer() -> None:
    typed = Typed("--cpus", "2")
    typed(f"cd {TRACING}; echo 1 > {KMEM}/kmalloc/enable; taskset -c 1 kmalloc 64; kmalloc 8; kmalloc 8")
    assert typed("grep -c kmalloc: per_cpu/cpu0/trace per_cpu/cpu1/trace").split() == [
        "per_cpu/cpu0/trace:2", "per_cpu/cpu1/trace:1",
    ]  # fmt: skip
    typed("echo 1 > buffer_size_kb; echo nooverwrite > trace_options")
    typed("for i in {1..300}; do kmalloc 8; done > /dev/null")
    stats = dict(line.split(": ") for line in typed("cat per_cpu/cpu0/stats").splitlines())
    assert int(stats["entries"]) + int(stats["dropped events"]) == 302 and stats["overrun"] == "0"
    assert int(stats["dropped events"]) > 50
