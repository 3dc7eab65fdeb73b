"""/sys/kernel/tracing/events/*/filter: which events are recorded, and what is said of an expression that is none."""

from __future__ import annotations

from typing import Any

import pytest

from memsh.linux.include.trace_events import EVENTS as KNOWN
from memsh.linux.kernel.trace_filter import BadFilter, create_filter, filter_match_preds
from tests.commands.typed import Typed

EVENTS = "/sys/kernel/tracing/events"
VALUES: dict[str, Any] = {"order": 3, "pfn": 0x100, "comm": "a.out", "cpu": 1, "common_pid": 53, "gfp_flags": 0xCC0,
                          "migratetype": 1}


@pytest.mark.parametrize(("text", "passes"), [
    ("order == 3", True), ("order>3", False), ("order >= 3 && pfn < 0x101", True), ("order != 3 || cpu == 1", True),
    ("order == 1 || order == 3 && cpu == 0", False), ("!(order == 1) && (cpu == 1)", True), ("gfp_flags & 0x400", True),
    ("gfp_flags & 0x1", False), ("comm == 'a.out'", True), ('comm ~ "a*"', True), ('comm != "a.out"', False),
    ("common_pid == 065", True), ("migratetype > -1", True),
])  # fmt: skip
def test_expressions(text: str, passes: bool) -> None:
    tree = create_filter(text, KNOWN["mm_page_alloc"])
    assert filter_match_preds(tree, {**VALUES, "COMM": "a.out", "CPU": 1}) is passes


@pytest.mark.parametrize(("text", "words", "place", "code"), [  # as a kernel answered
    ("", "", 0, "EINVAL"), ("nothing == 1", "Field not found", 8, "EINVAL"), ("== 1", "", 0, "EPERM"),
    ("order 3", "Invalid operator", 7, "EINVAL"), ("order == 1)", "Too few '('", 10, "EPERM"),
    ("order == x", "Invalid value (did you forget quotes)?", 10, "EINVAL"),
    ("(order == 1", "Too many '('", 0, "ENOENT"), ("order == '1'", "Expecting numeric field", 10, "EINVAL"),
    ("comm > 'a'", "Illegal operation for field type", 8, "EINVAL"),
    ("comm == 'a", "Missing matching quote", 8, "ESRCH"), ("order == 09", "Illegal integer value", 10, "EINVAL"),
    ("order ~ 1", "Illegal operation for field type", 9, "EINVAL"),
    ("order == 1 order == 2", "Too many terms in predicate expression", 11, "EPERM"),
    ("order == 1 ||", "Meaningless filter expression", 13, "EINVAL"),
    ("order == -1", "Illegal integer value", 10, "EINVAL"),
])  # fmt: skip
def test_what_is_no_expression(text: str, words: str, place: int, code: str) -> None:
    with pytest.raises(BadFilter) as caught:
        create_filter(text, KNOWN["mm_page_alloc"])
    assert (caught.value.words, caught.value.place, caught.value.code) == (words, place, code)


def test_events_that_pass_are_recorded() -> None:
    typed = Typed("--cpus", "2")
    typed(f"echo 'order > 1' > {EVENTS}/kmem/mm_page_alloc/filter; echo 1 > {EVENTS}/kmem/mm_page_alloc/enable")
    typed("alloc_pages 0; alloc_pages 2; taskset -c 1 alloc_pages 3")
    text = typed("cat /sys/kernel/tracing/trace | grep -v '^#'")
    assert [line.split(" order=")[1].split()[0] for line in text.splitlines()] == ["2", "3"]
    assert [line.split("[")[1][:3] for line in text.splitlines()] == ["000", "001"]
    assert typed(f"cat {EVENTS}/kmem/mm_page_alloc/filter") == "order > 1\n"
    typed(f"echo 0 > {EVENTS}/kmem/mm_page_alloc/filter; alloc_pages 0")
    assert typed(f"cat {EVENTS}/kmem/mm_page_alloc/filter") == "none\n"
    assert typed("grep -c order=0 /sys/kernel/tracing/trace") == "1\n"


def test_a_wrong_filter_is_told_of_by_its_file_and_lets_all_pass() -> None:
    typed = Typed()
    file = f"{EVENTS}/kmem/mm_page_free/filter"
    assert "Invalid argument" in typed(f"echo 'order >' > {file}")
    assert typed(f"cat {file}") == "order >\n       ^\nparse_error: Invalid value (did you forget quotes)?\n\n"
    assert typed.session.box.trace.filters == {}


def test_a_filter_of_a_system_is_for_the_events_that_have_its_fields() -> None:
    typed = Typed()
    assert typed(f"head -1 {EVENTS}/kmem/filter") == "### global filter ###\n"
    typed(f"echo 'bytes_req > 100' > {EVENTS}/kmem/filter")
    assert typed(f"cat {EVENTS}/kmem/kmalloc/filter {EVENTS}/kmem/kfree/filter; head -1 {EVENTS}/kmem/filter") == (
        "bytes_req > 100\nbytes_req > 100\n^\n"
        "parse_error: Couldn't find or set field in one of a subsystem's events\n\n"
        "### global filter ###\n"
    )
