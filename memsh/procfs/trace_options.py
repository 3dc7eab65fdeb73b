"""/sys/kernel/tracing/trace_options, options/ and per_cpu/: how events are kept and shown (kernel/trace/trace.c:
trace_set_options, trace_options_core_write, tracing_stats_read).

**Known deviations:** an option that is not in ACTING stays as it is: EINVAL. In per_cpu/cpuN/stats
`bytes` are those of full pages, too, and the time now is the last event's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from memsh.digits import is_digits
from memsh.linux.include.errno import KernelError
from memsh.linux.lib.kstrtox import kstrtoull_decimal
from memsh.procfs import tracing
from memsh.procfs.node import Directory, Node, ProcFile

if TYPE_CHECKING:
    from memsh.linux.box import Box

OPTIONS = (  # in their order, as they are at boot
    "print-parent", "nosym-offset", "nosym-addr", "noverbose", "noraw", "nohex", "nobin", "noblock", "trace_printk",
    "annotate", "nouserstacktrace", "nosym-userobj", "noprintk-msg-only", "context-info", "nolatency-format",
    "record-cmd", "norecord-tgid", "overwrite", "nodisable_on_free", "irq-info", "markers", "noevent-fork",
    "nopause-on-trace",
    "hash-ptr", "nostacktrace", "notest_nop_accept", "notest_nop_refuse",
)  # fmt: skip
ACTING = ("annotate", "context-info", "irq-info", "markers", "overwrite")
PLAIN = {word.removeprefix("no"): not word.startswith("no") for word in OPTIONS}
LONGEST = 64


def _is_on(box: Box, name: str) -> bool:
    return name not in box.trace.off if name in ACTING else PLAIN[name]


def _set(box: Box, name: str, on: bool) -> None:
    if name not in PLAIN or (name not in ACTING and on != PLAIN[name]):
        raise KernelError("EINVAL", f"{name}: no option that can be changed")
    if name in ACTING:
        (box.trace.off.discard if on else box.trace.off.add)(name)


def show(box: Box) -> str:
    return "".join(f"{'' if _is_on(box, name) else 'no'}{name}\n" for name in PLAIN)


def store(box: Box, text: str) -> None:
    """A name, or `no` and a name. EINVAL."""
    word = text.strip()
    if len(text) >= LONGEST:
        raise KernelError("EINVAL", "too long")
    name = word.removeprefix("no")
    _set(box, name, name == word)


def _option(name: str) -> ProcFile:
    def write(box: Box, text: str) -> None:
        number = kstrtoull_decimal(text, box.arch.bits)
        if number > 1:
            raise KernelError("EINVAL", "0 or 1")
        _set(box, name, number == 1)

    return ProcFile(lambda box: f"{int(_is_on(box, name))}\n", write, 0o640)


FOLDER = Directory({name: _option(name) for name in PLAIN}, 0o750)


def _stats(box: Box, cpu: int) -> str:
    buffer = box.trace.buffer.cpus.get(cpu)
    events = buffer.events if buffer is not None else ()
    used = ((len(buffer.pages) - 1) * box.trace.buffer.page + buffer.used) if buffer is not None else 0
    lost = buffer.lost if buffer is not None else 0
    oldest, now = (events[0].time // 1000, events[-1].time // 1000) if events else (0, 0)
    dropped = buffer.dropped if buffer is not None else 0
    return (
        f"entries: {len(events)}\noverrun: {lost}\ncommit overrun: 0\nbytes: {used}\n"
        f"oldest event ts: {oldest // 1_000_000:5}.{oldest % 1_000_000:06}\n"
        f"now ts: {now // 1_000_000:5}.{now % 1_000_000:06}\ndropped events: {dropped}\nread events: 0\n"
    )


def _cpu(box: Box, name: str) -> Node | None:
    digits = name.removeprefix("cpu")
    if not is_digits(digits) or name != f"cpu{int(digits)}" or int(digits) >= box.config.cpus:
        return None
    cpu = int(digits)
    return Directory({
        "stats": ProcFile(lambda box: _stats(box, cpu), None, 0o440),
        "trace": ProcFile(lambda box: tracing.show_cpu(box, cpu), None, 0o440),
    }, 0o750)  # fmt: skip


def _cpus(box: Box) -> Iterable[str]:
    return [f"cpu{cpu}" for cpu in range(box.config.cpus)]


PER_CPU = Directory({}, 0o750, names=_cpus, find=_cpu)
