"""Text of a machine as people have it: a file, a folder (a /proc copy, a sosreport, procdump's), a tar of one.

Nothing is unpacked: an archive is read where it lies. Only regular files count, at most 16 MiB of each and 64 MiB in
all; a log that is packed (.gz, .xz, .bz2) is unpacked on the way, up to the same limit.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple, Protocol

from memsh.proctext import labels
from memsh.proctext.oomreport import Task
from memsh.shell.errors import ShellError
from memsh.shell.hostread import read_regular, read_whole

READ_LIMIT = 16 << 20
ALL_LIMIT = 64 << 20
LONGEST_LINE = 128 << 10
_ENDLESS = re.compile(rf"([^\n]{{{LONGEST_LINE}}})[^\n]+")
_NO_FIGURE = re.compile(r"[0-9]{21,}")  # more than 64 bits hold
FILES = ("meminfo", "buddyinfo", "zoneinfo", "pagetypeinfo", "vmstat", "slabinfo", "swaps")
LOGS = re.compile(
    r"(?:^|/)(?:dmesg[^/]*|messages[^/]*|kern\.log[^/]*|syslog[^/]*|journalctl[^/]*|console\.log|[^/]*oom[^/]*|mem-?info[^/]*)$"
)
_Opener = Callable[[io.BytesIO], io.IOBase]
_OPENERS: dict[bytes, _Opener] = {b"\x1f\x8b": gzip.open, b"\xfd7z": lzma.open, b"BZh": bz2.open}


class Tree(Protocol):
    """A folder or an archive: names of its regular files, and their bytes."""

    def names(self) -> list[str]: ...

    def data(self, name: str) -> bytes: ...


class Folder:
    """A folder of the host. Links, pipes and devices in it are left out."""

    def __init__(self, path: str) -> None:
        self.path = path

    def names(self) -> list[str]:
        found: list[str] = []
        for here, folders, files in os.walk(self.path):
            folders.sort()
            relative = os.path.relpath(here, self.path)
            found += [os.path.normpath(f"{relative}/{name}") for name in sorted(files)]
            if len(found) > 200_000:
                break
        return found

    def data(self, name: str) -> bytes:
        return read_regular(f"{self.path}/{name}", READ_LIMIT, follow=False)


class Archive:
    """A tar, packed or not. It is read from one end to the other once, for the names."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        try:
            self.tar = tarfile.open(fileobj=file)  # noqa: SIM115 - it lives as long as this object
            self.members = {os.path.normpath(m.name): m for m in self.tar if m.isreg()}
        except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
            raise ShellError(f"{name}: the archive cannot be read: {error}") from None

    def names(self) -> list[str]:
        return sorted(self.members)

    def data(self, name: str) -> bytes:
        file = self.tar.extractfile(self.members[name])
        return file.read(READ_LIMIT) if file is not None else b""


class Source(NamedTuple):
    """A text (with the files of a tree one below the other), and the tree with the path of its /proc, if it is one."""

    text: str
    tree: Tree | None
    proc: str


def text_of(path: str) -> str:
    """The text of a file that is wanted whole. EFBIG if it is longer than what is read of one."""
    return read_whole(path, READ_LIMIT).decode("utf-8", "replace")


def unpacked(data: bytes, most: int = ALL_LIMIT) -> bytes:
    """What a packed file holds, up to the limit; what is not packed, or broken, as far as it goes."""
    for magic, opener in _OPENERS.items():
        if data.startswith(magic):
            pieces = []
            try:
                with opener(io.BytesIO(data)) as file:
                    left = most
                    while left > 0 and (piece := file.read(min(left, 1 << 20))):
                        pieces.append(piece)
                        left -= len(piece)
            except (OSError, EOFError, zlib.error, lzma.LZMAError):
                pass
            return b"".join(pieces)
    return data


def decode(data: bytes) -> str:
    """Text of bytes in UTF-8, UTF-16 with its mark, or anything else; without what a hole in the file left, and no line
    longer than LONGEST_LINE."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    else:
        text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    return _NO_FIGURE.sub("?", _ENDLESS.sub(r"\1", text.replace("\0", "")))


def read(path: str) -> Source:
    """What lies at a path of the host. ShellError with one clear line if it cannot be read."""
    try:
        if Path(path).is_dir():
            return of_tree(Folder(path), path)
        data = read_regular(path, READ_LIMIT)
        if len(data) == READ_LIMIT and unpacked(data, 1024)[257:262] == b"ustar":
            return of_tree(Archive(open(path, "rb"), path), path)  # noqa: PTH123 - as long as the tree
    except OSError as error:
        raise ShellError(f"{path}: {error.strerror or error}") from None
    return of_bytes(data, path)


def of_bytes(data: bytes, name: str) -> Source:
    """A file's contents: an archive, a packed text, or a text."""
    plain = unpacked(data)
    if plain[257:262] == b"ustar":
        return of_tree(Archive(io.BytesIO(data), name), name)
    return Source(decode(plain), None, "")


def people(source: Source) -> list[Task]:
    """The processes of a tree, from their status and oom_score_adj; none for a plain text."""
    if source.tree is None:
        return []
    there = source.tree.names()
    top = f"{source.proc}/" if source.proc else ""
    pattern = re.compile(rf"{re.escape(top)}([0-9]+)/status")
    found = []
    for match in filter(None, map(pattern.fullmatch, there)):
        table = labels.status(_try(source.tree, match[0]))
        rss = labels.kb(table.get("VmRSS", ""))
        if rss:
            adjusted = _try(source.tree, f"{top}{match[1]}/oom_score_adj").strip()
            number = int(adjusted) if re.fullmatch(r"-?[0-9]+", adjusted) else 0
            uid = (table.get("Uid", "0").split() or ["0"])[0]
            size, swap = labels.kb(table.get("VmSize", "")) >> 2, labels.kb(table.get("VmSwap", "")) >> 2
            name = table.get("Name", "process")
            found.append(Task(int(match[1]), int(uid), name, size, rss >> 2, None, swap, number, False))
    return found


def _try(tree: Tree, name: str) -> str:
    try:
        return decode(tree.data(name))
    except (OSError, KeyError, tarfile.TarError):
        return ""


def proc_of(names: list[str]) -> str | None:
    """The folder of a tree that holds its /proc ("" for the top); None if there is none."""
    there = set(names)
    tops = {
        name[: -len("/" + leaf)] if "/" in name else ""
        for leaf in FILES
        for name in there
        if name == leaf or name.endswith("/" + leaf)
    }
    best = [top for top in tops if not re.search(r"(?:^|/)(?:sys|node[0-9]+|self|[0-9]+)(?:/|$)", top)]
    return min(best, key=lambda top: (top.count("/"), len(top), top)) if best else None


def of_tree(tree: Tree, name: str) -> Source:
    """A tree's /proc files and logs as one text, each below `$ cat` and its name."""
    names = tree.names()
    proc = proc_of(names)
    wanted = [] if proc is None else [f"{proc}/{leaf}".lstrip("/") for leaf in FILES]
    wanted += [one for one in names if LOGS.search(one)][:20]
    if proc is None and not wanted:
        wanted = names[:200]
    parts: list[str] = []
    room = ALL_LIMIT
    there = set(names)
    for one in dict.fromkeys(wanted):
        if one not in there or room <= 0:
            continue
        try:
            text = decode(unpacked(tree.data(one)))
        except (OSError, KeyError, tarfile.TarError):
            continue
        if "\0" in text[:4096]:
            continue
        parts.append(f"$ cat {one}\n{text}\n")
        room -= len(text)
    if not names:
        raise ShellError(f"{name}: there is no file in it")
    return Source("".join(parts), tree, proc or "")
