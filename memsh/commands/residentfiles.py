"""fincore: how much of a file is in the page cache (util-linux 2.38.1, misc-utils/fincore.c)."""

from __future__ import annotations

from memsh.commands.paths import is_procfs, missing, path_of, size_of, stat_kind
from memsh.commands.tools import TOPIC, parting
from memsh.linux.box import Box
from memsh.linux.include.mm_types import Inode
from memsh.procps.reader import Exit
from memsh.shell.io import IO
from memsh.shell.registry import Args, command, rest

_WORDS = rest("words", raw=True, meta="FILE", words="path", help="as util-linux takes them; --help lists them")


@command(_WORDS, topic=TOPIC, help_option=False)
def fincore(box: Box, args: Args, io: IO) -> int:
    """show how much of files is in the page cache

    mkfile /data 1M; cat /data > /dev/null; fincore /data

    -b bytes, -o LIST columns (PAGES SIZE FILE RES), -n -r -J other forms.
    """
    from memsh.procps.fincore import Report, Resident  # start-up: fincore alone

    status, found = 0, []
    try:
        report = Report(args.words)
        for name in report.files:
            try:
                whole = path_of(io.session, name)
                kind = stat_kind(io.session, whole)
                if kind is None:
                    raise missing(io.session, whole)
            except OSError as error:
                io.complain(f"failed to open: {name}: {error.strerror or error}")
                status = 1
                continue
            if kind != "dir":
                regular = kind == "file" and not is_procfs(whole)
                pages = resident(box, box.fs.lookup(whole)) if regular else 0
                found.append(Resident(name, size_of(io.session, whole) if regular else 0, pages))
        io.out(report.table(found))
    except Exit as end:
        return parting(io, end)
    return status


def resident(box: Box, inode: Inode) -> int:
    """Pages of a file that mincore() calls resident: in the page cache, or of shared memory in the swap cache."""
    if inode.mapping is None:
        return 0
    pages = inode.mapping.pages
    away = (pages.value(leaf << 6 | at) for leaf in pages.order() for at in range(64)) if inode.shmem else ()
    return len(pages) + sum(bool(entry and box.swap.cached(int(entry))) for entry in away)
