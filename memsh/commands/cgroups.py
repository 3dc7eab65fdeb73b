"""Memory cgroups as people look at them: the tree of groups, and what one group's memory is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.commands.draw import human, plural, say, table
from memsh.linux.include.errno import KernelError
from memsh.linux.kernel.cgroup.freezer import is_frozen
from memsh.linux.mm.memcontrol.page_counter import PAGE_COUNTER_MAX
from memsh.linux.mm.memcontrol.stat import memory_stat
from memsh.shell import IO, Args, ShellError, arg, command

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.cgroup import Cgroup

TOPIC = "views"
MOUNT = "/sys/fs/cgroup"


def group_named(box: Box, path: str) -> Cgroup:
    """The group that a person names: below the mount point, or by the whole path; ShellError."""
    if "CGROUPS" not in box.model.options:
        raise ShellError("this box's kernel has no cgroups (reset --arch x86_64 is a box that has)")
    try:
        return box.cgroups.find(path.removeprefix(MOUNT))
    except KernelError:
        raise ShellError(f"there is no cgroup {path} (cgtree shows those that are there)") from None


def _limit(pages: int) -> str:
    return "max" if pages == PAGE_COUNTER_MAX else human(pages * 4096)


def _figures(group: Cgroup) -> list[str]:
    """current, max, high, peak, swap and pids; blanks where the group has no such controller of its own."""
    memcg, pids = group.memcg, group.pids
    tasks = "" if pids is None or group.parent is None else str(pids.counter)
    if memcg is None or group.parent is None:
        return ["", "", "", "", "", tasks]
    memory = memcg.memory
    return [human(memory.usage * 4096), _limit(memory.max), _limit(memory.high), human(memory.watermark * 4096),
            human(memcg.swap.usage * 4096), tasks]  # fmt: skip


def _name(box: Box, group: Cgroup) -> str:
    return group.name + ("  (frozen)" if is_frozen(box.cgroups, group) else "")


def _rows(box: Box, group: Cgroup, indent: str) -> list[list[str]]:
    """The processes of a group, then the groups below it."""
    rows: list[list[str]] = []
    tasks = [] if group.parent is None else [task for task in box.cgroups.tasks(group) if task.tgid == task.pid]
    below = list(group.children.values())
    for at, task in enumerate(tasks):
        last = at == len(tasks) - 1 and not below
        size = human(task.mm.get_rss() * 4096) if task.mm is not None else ""
        rows.append([f"{indent}{'└─' if last else '├─'}{task.pid} {task.comm}" + (f"  (RSS {size})" if size else "")])
    for at, child in enumerate(below):
        last = at == len(below) - 1
        rows.append([f"{indent}{'└─' if last else '├─'}{_name(box, child)}", *_figures(child)])
        rows += _rows(box, child, indent + ("  " if last else "│ "))
    return rows


@command(arg("group", default="/", help="a path below /sys/fs/cgroup", words="path"), topic=TOPIC)
def cgtree(box: Box, args: Args, io: IO) -> None:
    """the tree of cgroups with their processes, memory and limits

    cgtree

    As systemd-cgls draws it, with memory.current, max, high, peak and swap.current beside each group, and pids.current
    where a group counts its tasks. Processes of the root are not listed.
    """
    group = group_named(box, args.group)
    rows = [[f"Control group {group.path}:", "current", "max", "high", "peak", "swap", "pids"]]
    if group.parent is not None:
        rows.append(["(itself)" + ("  (frozen)" if is_frozen(box.cgroups, group) else ""), *_figures(group)])
    rows += _rows(box, group, "")
    if not any(row[6:] != [""] for row in rows[1:] if len(row) > 1):
        rows = [row[:6] for row in rows]
    io.out(table(rows, "<>>>>>>"[: max(map(len, rows))]))
    dying = group.all_dying()
    if dying:
        say(io, f"{plural(dying, 'group')} removed, and still charged for memory (nr_dying_descendants)")


def account_group(box: Box, path: str, io: IO) -> None:
    """What memory.current of a group is made of."""
    group = group_named(box, path)
    memcg = group.effective_memcg
    if memcg.parent is None:
        raise ShellError("the root's memory is the machine's: account without a group shows it")
    stat = memory_stat(box, memcg)
    members = list(memcg.tree())
    stock = sum(stock.pages for stock in box.memcg.stocks if stock.memcg in members) * 4096
    anon = sum(member.pages for member in members) * 4096 - stat["file"]
    objects = stat["kernel"] - stat["pagetables"] - stat["kernel_stack"]
    parts = [
        ("anonymous memory and swap cache", anon), ("page cache of files", stat["file"] - stat["shmem"]),
        ("shared memory and tmpfs", stat["shmem"]), ("page tables", stat["pagetables"]),
        ("kernel stacks", stat["kernel_stack"]), ("slab objects, other kernel pages", objects),
        ("charged ahead, in the CPUs' stocks", stock),
    ]  # fmt: skip
    rows: list[tuple[object, ...]] = [("charged for", "pages", "kB")]
    rows += [(name, size // 4096, size >> 10) for name, size in parts if size]
    rows.append(("memory.current", memcg.memory.usage, memcg.memory.usage * 4))
    io.out(table(rows, "<>>"))
    rss = sum(task.mm.get_rss() for task in box.tasks.values() if task.mm is not None and
              box.memcg.of_task(task) in members)  # fmt: skip
    say(io, f"the processes' RSS together: {rss * 4} kB; pages that another group touched first are not in the sum")
