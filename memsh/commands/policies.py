"""NUMA policies and CPU affinity: set_mempolicy mbind getpolicy move_pages migratepages nodes taskset, and numactl
before a command."""

from __future__ import annotations

import re
from collections.abc import Callable

from memsh.commands.acting import Notes, act
from memsh.commands.processes import able
from memsh.commands.usermem import ADDR, LENGTH, SOME
from memsh.digits import is_digits
from memsh.libc.process import UserProcess
from memsh.linux.box import Box
from memsh.linux.config import cpulist_text, parse_cpulist
from memsh.linux.include.errno import KernelError
from memsh.linux.include.mempolicy import (
    MODES,
    MPOL_BIND,
    MPOL_INTERLEAVE,
    MPOL_LOCAL,
    MPOL_MF_MOVE,
    MPOL_MF_STRICT,
    MPOL_PREFERRED,
    MPOL_PREFERRED_MANY,
)
from memsh.linux.include.sched import Task, context_switch, find_pid, find_task, sched_setaffinity
from memsh.linux.mm import mempolicy
from memsh.linux.mm.mmap.vmalist import find_vma
from memsh.linux.mm.page_alloc.policy import get_vma_policy
from memsh.procfs.pid_pagemap import mapped_ranges
from memsh.shell import IO, Args, arg, command, rest
from memsh.shell.errors import ShellError, UsageError
from memsh.shell.programs import refusal, refused_status
from memsh.shell.values import count

TOPIC = "user space"
MODE = arg("mode", meta="MODE", help="default, preferred, bind, interleave, local, preferred_many, or the number")
NODES = arg("nodes", default="", help="0, 0-1 or 0,2; '' for none")


def mode_of(word: str) -> int:
    """The mode that a word or number stands for; any number goes to the kernel."""
    if is_digits(word):
        return int(word)
    if word.lower().removeprefix("mpol_") not in MODES:
        raise UsageError(f"'{word}' is no policy ({', '.join(MODES)})")
    return MODES.index(word.lower().removeprefix("mpol_"))


def nodes_of(word: str) -> tuple[int, ...]:
    """A list of nodes."""
    try:
        return parse_cpulist(word)
    except ValueError:
        raise UsageError(f"'{word}' is no list of nodes (0, 0-1, 0,2)") from None


def _numa(box: Box) -> None:
    """Refuse where the kernel knows no nodes: the system calls are not there."""
    if not box.arch.numa:
        raise ShellError("Function not implemented")


@command(MODE, NODES, topic=TOPIC)
def set_mempolicy(box: Box, args: Args, io: IO) -> int:
    """choose from which nodes the current process gets its memory from now on

    set_mempolicy interleave 0-1

    Pages that it has already stay where they are. getpolicy shows the policy.
    """
    _numa(box)
    mode, nodes = mode_of(args.mode), nodes_of(args.nodes)

    def operation(user: UserProcess, notes: Notes) -> None:
        mempolicy.do_set_mempolicy(box, user.task, mode, nodes)

    return act(box, io, operation)


@command(arg("addr", type=count, default=None, help="of an area with a policy of its own"), topic=TOPIC)
def getpolicy(box: Box, args: Args, io: IO) -> int:
    """show the current process's memory policy, or that of an address, as numa_maps writes it

    getpolicy

    `default` for an address says that the area follows the process.
    """
    _numa(box)

    def operation(user: UserProcess, notes: Notes) -> None:
        policy = user.task.mempolicy
        if args.addr is not None:
            vma = find_vma(user.mm, args.addr)
            if vma is None or vma.start > args.addr:
                raise KernelError("EFAULT", "no area there")
            policy = get_vma_policy(vma, args.addr)
        io.out(mempolicy.policy_text(policy) + "\n")

    return act(box, io, operation)


@command(
    ADDR, LENGTH, MODE, NODES, rest("flags", meta="strict|move", help="refuse, or move, pages that lie elsewhere"),
    topic=TOPIC,
)  # fmt: skip
def mbind(box: Box, args: Args, io: IO) -> int:
    """choose from which nodes the pages of a range come

    p=$(mmap 1M); mbind $p 1M bind 0

    With `move` the pages that lie on other nodes are brought there; with `strict` alone they make it fail.
    """
    _numa(box)
    bits = {"strict": MPOL_MF_STRICT, "move": MPOL_MF_MOVE}
    unknown = next((word for word in args.flags if word not in bits), None)
    if unknown is not None:
        raise UsageError(f"'{unknown}' is no flag of mbind (strict, move)")
    flags = sum(bits[word] for word in set(args.flags))
    mode, nodes = mode_of(args.mode), nodes_of(args.nodes)

    def operation(user: UserProcess, notes: Notes) -> None:
        mempolicy.do_mbind(box, user.mm, args.addr, args.length, mode, nodes, flags)

    return act(box, io, operation)


@command(ADDR, arg("count", type=count, help="pages"), arg("node", type=count, help="where they shall be"), topic=TOPIC)
def move_pages(box: Box, args: Args, io: IO) -> int:
    """bring pages of the current process to a node

    p=$(mmap 64k); write $p 64k; move_pages $p 16 0

    Shows each page's status where it changes, `INDEX:STATUS`: the node it is on, or a negative error number.
    """
    _numa(box)

    def operation(user: UserProcess, notes: Notes) -> None:
        try:
            found = mempolicy.do_move_pages(box, user.mm, args.addr, args.count, args.node)
        except KernelError:
            io.out("0:0\n")
            raise
        shown = [f"{at}:{status}" for at, status in enumerate(found) if not at or found[at - 1] != status]
        io.out(" ".join(shown) + "\n")

    return act(box, io, operation)


@command(ADDR, SOME, topic=TOPIC)
def nodes(box: Box, args: Args, io: IO) -> int:
    """the nodes that a range's pages are on, in runs

    p=$(mmap 64k); write $p 16k; nodes $p 64k

    `0+4` is four pages on node 0, `-+12` twelve that are absent. Nothing is touched.
    """

    def operation(user: UserProcess, notes: Notes) -> None:
        runs: list[list[int]] = []

        def add(node: int, pages: int) -> None:
            if runs and runs[-1][0] == node:
                runs[-1][1] += pages
            elif pages:
                runs.append([node, pages])

        at, end = args.addr >> 12, args.addr + max(args.length, 1) + 4095 >> 12
        with io.looking():
            for pages in mapped_ranges(user.mm, args.addr, end << 12):
                add(-1, pages.start - at)
                for page in pages:
                    add(max(-1, mempolicy.node_of(box, user.mm, page << 12)), 1)
                at = pages.stop
            add(-1, end - at)
        io.out(" ".join(f"{'-' if node < 0 else node}+{pages}" for node, pages in runs) + "\n")

    return act(box, io, operation)


@command(arg("pid", type=count, words="pid"), arg("source", meta="FROM"), arg("target", meta="TO"), topic="processes")
def migratepages(box: Box, args: Args, io: IO) -> int:
    """move a process's pages from some nodes to others

    migratepages 53 0 1
    """
    _numa(box)
    task = find_task(box, args.pid)
    if task.mm is None:
        raise KernelError("EINVAL", f"{task.pid} is a kernel thread: it has no user memory")
    source, target = (_numbers(word, len(box.pages.nodes)) for word in (args.source, args.target))
    mempolicy.do_migrate_pages(box, task.mm, source, target)
    return 0


# -- CPUs --------------------------------------------------------------------------------------------------------------


def _cpus(box: Box, word: str) -> tuple[int, ...]:
    try:
        return parse_cpulist(word)
    except ValueError:
        raise ShellError(f"failed to parse CPU list: {word}") from None


def _affinity(box: Box, task: Task) -> tuple[int, ...]:
    return task.affinity or ((task.bound,) if task.bound >= 0 else tuple(range(box.config.cpus)))


def _listed(cpus: tuple[int, ...]) -> str:
    """As util-linux writes a list: two CPUs side by side are no range."""
    pairs = [part.split("-") for part in cpulist_text(cpus).split(",")]
    return ",".join(("," if int(pair[-1]) == int(pair[0]) + 1 else "-").join(pair) for pair in pairs)


def _shown(box: Box, task: Task, listed: bool) -> str:
    cpus = _affinity(box, task)
    return f"list: {_listed(cpus)}" if listed else f"mask: {sum(1 << cpu for cpu in cpus):x}"


@command(rest("words", raw=True, meta="WORD", required=True, help="-c CPUS COMMAND …, -cp [CPUS] PID"),
         topic="processes")  # fmt: skip
def taskset(box: Box, args: Args, io: IO) -> int:
    """choose the CPUs that a process, or one command, runs on

    taskset -cp 0 53

    `taskset -c CPUS COMMAND …` runs a command on the first of these CPUs: what it allocates comes from that CPU's lists
    and node, and a process that it starts keeps them. `-p` is for a process, `-c` says that CPUs are a list (0-1,3),
    else they are a mask in hexadecimal.
    """
    words = list(args.words)
    letters = ""
    while words and words[0].startswith("-") and len(words[0]) > 1:
        letters += words.pop(0)[1:]
    if letters.strip("acp") or not words or ("p" in letters and len(words) > 2):
        raise UsageError("taskset -c CPUS COMMAND …, or taskset -cp [CPUS] PID")
    listed = "c" in letters
    if "p" not in letters:
        if len(words) < 2:
            raise UsageError("taskset -c CPUS COMMAND …: what shall run there?")
        return confined(box, io, words[1:], lambda task: _confine(box, task, words[0], listed))
    try:
        task = find_task(box, number := count(words[-1]))
    except KernelError:
        raise ShellError(f"failed to get pid {number}'s affinity: No such process") from None
    name = f"pid {task.pid}'s"
    io.out(f"{name} current affinity {_shown(box, task, listed)}\n")
    if len(words) == 2:
        _confine(box, task, words[0], listed)
        io.out(f"{name} new affinity {_shown(box, task, listed)}\n")
    return 0


def _confine(box: Box, task: Task, word: str, listed: bool) -> None:
    if listed:
        cpus = _cpus(box, word)
    else:
        if re.fullmatch(r"(?:0[xX])?[0-9a-fA-F,]*[0-9a-fA-F]", word) is None:
            raise ShellError(f"failed to parse CPU mask: {word}")
        mask = int(word.replace(",", ""), 16)
        cpus = tuple(cpu for cpu in range(mask.bit_length()) if mask >> cpu & 1)
    try:
        sched_setaffinity(box, task, cpus)
    except KernelError:
        raise ShellError(f"failed to set pid {task.pid}'s affinity: Invalid argument") from None


def confined(box: Box, io: IO, words: list[str], change: Callable[[Task], None]) -> int:
    """Run a command while the current process is changed; a process that it starts keeps the change."""
    task = able(box)
    kept = _inherited(task)
    change(task)
    new = _inherited(task)
    try:
        return int(io.run(words))
    finally:
        now = io.session.box
        if now.current.pid != task.pid:
            _give(now.current, new)
        old = find_pid(now, task.pid)
        if old is not None:
            _give(old, kept)
        _settle(now)


def launched(box: Box, io: IO, words: list[str], change: Callable[[Task], None]) -> int:
    """confined(), or why util-linux's tools say that the command cannot be run (errexec)."""
    why = refusal(io.session, words[0])
    if why:
        io.complain(f"failed to execute {words[0]}: {why}")
        return refused_status(why)
    return confined(box, io, words, change)


_INHERITED = ("affinity", "cpu", "mempolicy", "nice", "oom_score_adj", "oom_score_adj_min", "policy")


def _give(task: Task, values: dict[str, object]) -> None:
    for name, value in values.items():
        setattr(task, name, value)


def _inherited(task: Task) -> dict[str, object]:
    """What a child has of its parent, as commands change it for another command."""
    return {name: getattr(task, name) for name in _INHERITED}


def _settle(box: Box) -> None:
    """The current process's CPU and policy count again."""
    context_switch(box, box.current)


# -- numactl before a command ------------------------------------------------------------------------------------------

_SETTERS = {
    "-i": "interleave", "--interleave": "interleave", "-p": "preferred", "--preferred": "preferred", "-m": "membind",
    "--membind": "membind", "-N": "cpunodebind", "--cpunodebind": "cpunodebind", "-C": "physcpubind",
    "--physcpubind": "physcpubind", "-l": "localalloc", "--localalloc": "localalloc", "-P": "preferred-many",
    "--preferred-many": "preferred-many",
}  # fmt: skip
_POLICIES = {"interleave": MPOL_INTERLEAVE, "preferred": MPOL_PREFERRED, "preferred-many": MPOL_PREFERRED_MANY,
             "membind": MPOL_BIND, "localalloc": MPOL_LOCAL}  # fmt: skip


def sets_policy(words: list[str]) -> bool:
    """Whether these words of numactl are for running a command."""
    return bool(words) and (not words[0].startswith("-") or _setter(words[0])[0] in _SETTERS)


def _setter(word: str) -> tuple[str, str | None]:
    """An option and its value, if that is in the same word: `--membind=0`, `-m0`."""
    if word.startswith("-") and not word.startswith("--"):
        return word[:2], word[2:] or None
    name, equals, value = word.partition("=")
    return name, value if equals else None


def _numbers(text: str, most: int, what: str = "node") -> tuple[int, ...]:
    """`all`, `0-1,3`, `!0`, `+0`: nodes or CPUs, as libnuma reads them; ShellError with its words."""
    invert = text.startswith("!")
    body = text.lstrip("!").removeprefix("+")  # relative to the cpuset: to all, here
    try:
        found = tuple(range(most)) if body == "all" else parse_cpulist(body)
    except ValueError:
        raise ShellError(f"libnuma: Warning: unparseable {what} description `{body}'\n\n<{text}> is invalid") from None
    beyond = next((number for number in found if number >= most), None)
    if beyond is not None:
        said = f"{found[-1]} out" if "-" in body else f"{beyond} is out"
        raise ShellError(f"libnuma: Warning: {what} argument {said} of range\n\n<{text}> is invalid")
    if not found:
        raise ShellError(f"<{text}> is invalid")
    return tuple(number for number in range(most) if number not in found) if invert else found


def run_with_policy(box: Box, io: IO, words: list[str]) -> int:
    """`numactl --membind=0 COMMAND …`: the command runs under that policy."""
    if not box.arch.numa:
        raise ShellError("No NUMA support available on this system.")
    rest_of = list(words)
    changes: list[Callable[[Task], None]] = []
    policies = 0
    while rest_of and rest_of[0].startswith("-"):
        word, value = _setter(rest_of.pop(0))
        name = _SETTERS.get(word)
        if name is None:
            raise UsageError(f"{word} is no option before a command")
        policies += name in _POLICIES
        if policies > 1:
            raise ShellError("Conflicting policies")
        if name != "localalloc" and value is None:
            if not rest_of:
                raise UsageError(f"{word} needs a list")
            value = rest_of.pop(0)
        changes.append(_change(box, name, value or ""))
    if not rest_of:
        raise UsageError("what command shall run?")

    def change(task: Task) -> None:
        for one in changes:
            one(task)

    return confined(box, io, rest_of, change)


def _change(box: Box, name: str, value: str) -> Callable[[Task], None]:
    if name == "physcpubind":
        cpus = _numbers(value, box.config.cpus, "cpu")
        return lambda task: sched_setaffinity(box, task, cpus)
    if name != "localalloc" and not value:
        raise ShellError(f"set_mempolicy: Invalid argument\nsetting {name}: Invalid argument")
    nodes = () if name == "localalloc" else _numbers(value, len(box.pages.nodes))
    if name == "preferred" and len(nodes) > 1:
        raise UsageError("--preferred takes one node")
    if name == "cpunodebind":
        homes = tuple(cpu for nid in nodes for cpu in box.pages.nodes[nid].cpus)
        if not homes:
            raise ShellError(f"sched_setaffinity: Invalid argument: no CPU on <{value}>")
        return lambda task: sched_setaffinity(box, task, homes)
    return lambda task: mempolicy.do_set_mempolicy(box, task, _POLICIES[name], nodes)
