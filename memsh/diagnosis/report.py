"""A whole diagnosis: what was found, verdicts, figures; as text or as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memsh.diagnosis import figures
from memsh.diagnosis.overview import overview, page_of
from memsh.diagnosis.verdict import judge
from memsh.proctext.findings import Findings

WHOLE = 3
"""Reports of which the figures are shown as well; of more only the verdicts."""
KINDS = {
    "oom": "the OOM killer",
    "memcg": "the OOM killer in a memory cgroup",
    "failure": "a page allocation failure",
    "stall": "a page allocation that waited too long",
    "slab": "a slab allocation failure",
    "sysrq": "SysRq-m",
    "memory": "a Mem-Info",
    "killed": "a process that was killed", "vmalloc": "a vmalloc failure",
    "cma": "a contiguous area that was too small",
}


def text(found: Findings, name: str = "") -> str:
    """Verdicts first, then what they rest on. Empty if nothing was found."""
    if not found.names:
        return ""
    lines = [f"{name + ': ' if name else ''}found {', '.join(found.names)}", ""]
    verdicts = [(report, judge(report)) for report in found.reports]
    for number, (report, verdict) in enumerate(verdicts, 1):
        many = f"{number}. " if len(verdicts) > 1 else ""
        lines.append(f"{many}{KINDS[report.kind]}:" if many else "verdict:")
        lines += [f"  {sentence}" for sentence in verdict.sentences] + [""]
    files = overview(found)
    if files:
        lines += ["the files say:" if verdicts else "verdict:", *(f"  {sentence}" for sentence in files), ""]
    for number, (report, verdict) in enumerate(verdicts, 1):
        if len(verdicts) > WHOLE:
            break
        told = figures.of_report(report, verdict)
        if told:
            lines += [f"figures of report {number}:" if len(verdicts) > 1 else "figures:", *told]
        lines += [f"note: {note}" for note in verdict.notes] + [""]
    if len(verdicts) > WHOLE:
        lines += [f"{len(verdicts)} reports: give diagnose one of them to see its figures", ""]
    lines += figures.of_files(found)[1 if not lines[-1:] or not lines[-1] else 0 :]
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(lines) + "\n"


def _plain(value: Any) -> Any:
    """NamedTuples as tables, sets as sorted lists: what JSON can hold."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(one) for name, one in value._asdict().items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value


def data(found: Findings) -> dict[str, Any]:
    """The same as `text` tells, for programs: kB, pages and bytes as the fields' names say."""
    reports = []
    for report in found.reports:
        reports.append({"kind": report.kind, "verdict": _plain(judge(report)), "report": _plain(report)})
    told = {name: _plain(value) for name, value in found._asdict().items() if name != "reports" and value}
    return {"found": found.names, "reports": reports, "overview": overview(found), **told, "page_size": page_of(found)}
