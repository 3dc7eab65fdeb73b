"""What an event sets off: `traceoff`, `enable_event:kmem:kfree:3 if order > 2` (kernel/trace/trace_events_trigger.c).

Known deviations: no `stacktrace`, as on a kernel without CONFIG_STACKTRACE.
"""

from __future__ import annotations

from functools import partial

from memsh.digits import is_digits
from memsh.linux.include.errno import KernelError
from memsh.linux.include.trace import Filter, Trace
from memsh.linux.include.trace_events import EVENTS
from memsh.linux.kernel.trace_filter import BadFilter, create_filter, filter_match_preds
from memsh.linux.lib.kstrtox import kstrtoull

COMMANDS = ("traceon", "traceoff", "enable_event", "disable_event")
UNLIMITED = -1
_ULONG_MAX = (1 << 64) - 1


class EventTrigger:
    """`target`: which event enable_event and disable_event are about, "" for the others; `count`: how often yet. An
    event has one that switches tracing, and one for each target, on or off."""

    __slots__ = ("command", "count", "filter", "filter_text", "target")

    def __init__(self, command: str, target: str, count: int) -> None:
        self.command, self.target, self.count = command, target, count
        self.filter: Filter | None = None
        self.filter_text = ""

    def __str__(self) -> str:
        about = f":{EVENTS[self.target].system}:{self.target}" if self.target else ""
        count = ":unlimited" if self.count == UNLIMITED else f":count={self.count}"
        return f"{self.command}{about}{count}{' if ' + self.filter_text if self.filter_text else ''}\n"

    def fire(self, trace: Trace) -> None:
        """Once more, if it is not so already."""
        on = self.command in ("traceon", "enable_event")
        if on == (self.target not in trace.muted if self.target else trace.tracing) or not self.count:
            return
        if self.count != UNLIMITED:
            self.count -= 1
        if not self.target:
            trace.switch(on)
        elif on:
            trace.muted.discard(self.target)
        else:
            trace.muted.add(self.target)
        trace.update()


def _parameter(word: str) -> int:
    count = kstrtoull(word)
    return UNLIMITED if count == _ULONG_MAX else count


def _parse(text: str) -> tuple[bool, EventTrigger, str]:
    """Whether it is taken away (`!` in front), the trigger, and what stands behind `if`. EINVAL, ERANGE."""
    head, _, rest = _cut(text.lstrip(), ": \t")
    remove, command = head.startswith("!"), head.removeprefix("!")
    rest = rest.lstrip()
    if command not in COMMANDS:
        raise KernelError("EINVAL", f"one of {', '.join(COMMANDS)}")
    count, target, words = "", "", rest
    if command.endswith("_event"):
        if not rest:
            raise KernelError("EINVAL", "which event? SYSTEM:EVENT")
        parameter, _, words = _cut(rest, " \t")
        system, colon, event = parameter.partition(":")
        event, _, count = event.partition(":")
        if not colon or event not in EVENTS or EVENTS[event].system != system:
            raise KernelError("EINVAL", f"{parameter}: no such event")
        target = event
    elif is_digits(rest[:1]):
        count, _, words = _cut(rest, " \t")
    limit = UNLIMITED
    if count and not remove:
        limit = _parameter(count.partition(":")[0])
    return remove, EventTrigger(command, target, limit), words.lstrip()


def _cut(text: str, marks: str) -> tuple[str, str, str]:
    """strsep()."""
    at = next((at for at, letter in enumerate(text) if letter in marks), len(text))
    return text[:at], text[at : at + 1], text[at + 1 :]


def event_trigger_write(trace: Trace, name: str, text: str) -> None:
    """One line for the file `trigger` of an event. EEXIST, EINVAL, ERANGE."""
    remove, trigger, words = _parse(text)
    mine = trace.triggers.get(name, [])
    same = next((one for one in mine if isinstance(one, EventTrigger) and one.target == trigger.target), None)
    if remove:
        if same is not None:
            _unregister(trace, name, same)
        return
    if words:
        given, blank, expression = _cut(words, " \t")
        if given != "if" or not blank:
            raise KernelError("EINVAL", "`if` and an expression")
        event = EVENTS[name]
        try:
            trigger.filter = partial(filter_match_preds, create_filter(expression, event))
        except BadFilter as bad:
            raise KernelError(bad.code, bad.words) from None
        trigger.filter_text = expression
    if same is not None:
        raise KernelError("EEXIST")
    trace.triggers[name] = [trigger, *mine]
    if trigger.target:
        trace.hold(trigger.target, True)
    trace.hold(name, True)


def _unregister(trace: Trace, name: str, trigger: EventTrigger) -> None:
    left = [one for one in trace.triggers[name] if one is not trigger]
    if left:
        trace.triggers[name] = left
    else:
        del trace.triggers[name]
    trace.hold(name, False)
    if trigger.target:
        trace.hold(trigger.target, False)
