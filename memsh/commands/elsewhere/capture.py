"""capture: what this host says of its memory, in one archive that diagnose, --proc and --from read.

No name of a process goes into it unless --names asks for them: names tell what a machine is for.
"""

from __future__ import annotations

import io
import re
import sys
import tarfile
import time
from pathlib import Path

from memsh.digits import is_digits
from memsh.procps.reader import FolderReader
from memsh.shell.errors import ShellError

SYSTEM = (
    "buddyinfo", "zoneinfo", "pagetypeinfo", "meminfo", "slabinfo", "vmstat", "swaps", "stat", "loadavg", "uptime",
    "version", "cpuinfo", "iomem", "sys/kernel/osrelease", "sys/vm/overcommit_memory", "sys/vm/min_free_kbytes",
)  # fmt: skip
PROCESS = ("statm", "status", "smaps_rollup", "oom_score_adj", "stat")
NODE = ("meminfo", "numastat", "cpulist", "distance")
UNKNOWN = "process"


def gather(reader: FolderReader, names: bool) -> dict[str, str]:
    """Path in the archive → text. What may not be read (slabinfo without root) is left out."""
    found: dict[str, str] = {}

    def take(path: str, clean: bool = False) -> None:
        try:
            text = reader.read(path)
        except OSError:
            return
        if clean and path.endswith("/status"):
            text = re.sub(r"^Name:.*", f"Name:\t{UNKNOWN}", text)
        elif clean and path.endswith("/stat"):
            text = f"{text[: text.find('(')]}({UNKNOWN}){text[text.rfind(')') + 1 :]}"
        found[path.lstrip("/")] = text

    for name in SYSTEM:
        take(f"/proc/{name}")
    for pid in sorted((name for name in reader.listdir("/proc") if is_digits(name)), key=int):
        for name in PROCESS:
            take(f"/proc/{pid}/{name}", clean=not names)
        if names:
            take(f"/proc/{pid}/cmdline")
    try:
        nodes = [name for name in reader.listdir("/sys/devices/system/node") if re.fullmatch(r"node\d+", name)]
    except OSError:
        nodes = []
    for node in nodes:
        for name in NODE:
            take(f"/sys/devices/system/node/{node}/{name}")
    take("/sys/devices/system/cpu/online")
    return found


def write(path: str, texts: dict[str, str], now: float) -> None:
    """The texts as a tar below `capture/`, packed as the name says: the whole of it or no file at all.
    FileExistsError for a file that is there."""
    suffix = path.rpartition(".")[2]
    mode = {"gz": "w:gz", "tgz": "w:gz", "xz": "w:xz", "bz2": "w:bz2"}.get(suffix, "w:")
    with Path(path).open("xb") as file:
        try:
            with tarfile.open(path, mode, file) as tar:  # type: ignore[call-overload]
                for name, text in texts.items():
                    data = text.encode("utf-8", "surrogateescape")
                    member = tarfile.TarInfo(f"capture/{name}")
                    member.size, member.mtime = len(data), int(now)
                    tar.addfile(member, io.BytesIO(data))
            file.flush()
        except BaseException:
            Path(path).unlink()
            raise


def main(words: list[str], names: bool) -> int:
    """`memsh capture FILE.tar.gz [--names]`."""
    if len(words) != 1:
        raise ShellError("capture: give one file to write (usage: memsh capture FILE.tar.gz [--names])", 2)
    try:
        reader = FolderReader("/proc")
        if not reader.live:
            raise ShellError("capture: there is no Linux here: /proc is not the kernel's")
        texts = gather(reader, names)
        write(words[0], texts, time.time())
    except OSError as error:
        raise ShellError(f"capture: {words[0]}: {error.strerror or error}") from None
    absent = [name for name in ("slabinfo", "pagetypeinfo") if f"proc/{name}" not in texts]
    note = f"; without {' and '.join(absent)}, which are root's" if absent else ""
    told = "" if names else "; names of processes were left out"
    sys.stdout.write(f"{len(texts)} files in {words[0]}{note}{told}\n")
    return 0
