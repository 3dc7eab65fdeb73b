"""Whole files and the disk: dd sync df."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from memsh.commands.paths import is_procfs, on_disk, path_of, resolve, stat_kind
from memsh.commands.pieces import pread_of
from memsh.digits import is_digits
from memsh.linux.box import Box
from memsh.linux.include.errno import KernelError
from memsh.linux.include.mm_types import File
from memsh.linux.mm.filemap.fadvise import fadvise_dontneed
from memsh.shell import IO, Args, UsageError, command, opt, rest
from memsh.shell.io import NullSink
from memsh.shell.session import Session
from memsh.shell.values import wide_size
from memsh.textutils.bytes import to_bytes, to_text

TOPIC = "files"
_UNITS = ("", "k", "M", "G", "T", "P")
_NUMBERS = {"bs": 512, "ibs": 512, "obs": 512, "count": -1, "skip": 0, "seek": 0}
_SYMBOLS = {
    "conv": ("notrunc", "fsync", "fdatasync", "nocreat", "excl"),
    "iflag": ("direct", "fullblock", "nocache"),
    "oflag": ("direct", "append", "sync", "dsync"),
    "status": ("none", "noxfer", "progress"),
}
_LETTERS = {"c": 1, "w": 2, "b": 512}


def human(amount: int, base: int, per: int = 1) -> str:
    """`amount` / `per` as coreutils spells it: one decimal below 10, nearest, half to even: 4.2 MB, 42 MB, 1.0 GiB."""
    power = 0
    scale = per
    while amount >= base * scale and power < len(_UNITS) - 1:
        scale *= base
        power += 1
    number = _nearest(amount, scale)
    if power and amount * 10 < 100 * scale:
        tenths = _nearest(amount * 10, scale)
        text = f"{tenths // 10}.{tenths % 10}" if tenths < 100 else "10"
    else:
        if number == base and power < len(_UNITS) - 1:
            power += 1
            text = "1.0"
        else:
            text = str(number)
    letter = _UNITS[power] if base == 1000 else _UNITS[power].upper()
    return f"{text} {letter}{'i' if base == 1024 and power else ''}B"


def _nearest(amount: int, scale: int) -> int:
    whole, left = divmod(amount, scale)
    return whole + (2 * left > scale or (2 * left == scale and whole & 1 == 1))


def statistics(total: int, usec: int) -> str:
    """dd's last line: bytes, in two systems of units where they say more, time and rate by the box's clock."""
    noun = "byte" if total == 1 else "bytes"
    si, iec = human(total, 1000), human(total, 1024)
    sizes = "" if si[-2] == " " else f" ({si})" if iec[-2] == " " else f" ({si}, {iec})"
    rate = human(total * 1_000_000, 1000, usec) + "/s" if usec else "Infinity B/s"
    return f"{total} {noun}{sizes} copied, {usec / 1e6:g} s, {rate}\n"


class Plan(NamedTuple):
    """dd's operands."""

    source: str | None
    target: str | None
    numbers: dict[str, int]
    flags: dict[str, set[str]]


def _number(text: str) -> int:
    """A number as dd takes it: 64, 4k, 1M, 2x512, 3b."""
    total = 1
    for part in text.split("x") if not text.startswith(("0x", "0X")) else [text]:
        unit = _LETTERS.get(part[-1:], 0)
        total *= int(part[:-1]) * unit if unit and is_digits(part[:-1]) else wide_size(part)
    return total


def plan_of(words: list[str]) -> Plan:
    numbers, files = dict(_NUMBERS), {"if": None, "of": None}
    flags: dict[str, set[str]] = {name: set() for name in _SYMBOLS}
    given = set()
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in {*files, *_NUMBERS, *_SYMBOLS}:
            raise UsageError(f"unrecognized operand '{word}' (usage: dd if=FILE of=FILE bs=N count=N)")
        given.add(name)
        if name in files:
            files[name] = value  # type: ignore[assignment]
        elif name in _SYMBOLS:
            for symbol in value.split(","):
                if symbol not in _SYMBOLS[name]:
                    what = {"conv": "conversion", "status": "status level"}.get(name, f"{name[0]}nput flag")
                    what = "output flag" if name == "oflag" else what
                    raise UsageError(f"invalid {what}: '{symbol}'; there are {', '.join(_SYMBOLS[name])}")
                flags[name].add(symbol)
        else:
            try:
                numbers[name] = _number(value)
            except ValueError:
                raise UsageError(f"invalid number: '{value}'") from None
    if "bs" not in given and given & {"ibs", "obs"}:
        numbers["bs"] = numbers["ibs"] if "ibs" in given else numbers["obs"]
    if not 0 < numbers["bs"] <= 64 << 20:
        raise UsageError(f"invalid number: '{numbers['bs']}'; a block has from 1 byte to 64M")
    return Plan(files["if"], files["of"], numbers, flags)


class _Output:
    """Where dd writes: a file of the box's disk, or anything else that takes text."""

    def __init__(self, io: IO, plan: Plan) -> None:
        self.io = io
        self.box: Box = io.session.box
        self.file: File | None = None
        self.sink: Any = io.sink
        self.direct = "direct" in plan.flags["oflag"]
        self.each = bool(plan.flags["oflag"] & {"sync", "dsync"})
        self.place = 0
        if plan.target is None:
            return
        session = io.session
        whole = path_of(session, plan.target)
        start = plan.numbers["seek"] * plan.numbers["bs"]
        append = "append" in plan.flags["oflag"]
        kind = stat_kind(session, whole)
        if not on_disk(session, whole) or kind in ("dir", "fifo") or whole == "/dev/null":
            assert session.files is not None
            self.sink = session.files.open_write(session, plan.target, append)
            return
        fs = self.box.fs
        if not fs.exists(whole):
            if "nocreat" in plan.flags["conv"]:
                raise KernelError("ENOENT")
            fs.create(whole)
        elif "excl" in plan.flags["conv"]:
            raise KernelError("EEXIST")
        self.file = fs.open(whole, writable=True)
        cut = "notrunc" not in plan.flags["conv"] and not append and kind != "device"
        if cut and (not start or self.file.inode.size > start):
            fs.truncate(whole, start)
        self.place = self.file.inode.size if append else start

    def write(self, text: str | int) -> int:
        """Text, or so many zeros; bytes written. ENOSPC and its kin."""
        if self.file is None:
            self.sink.write("\0" * text if isinstance(text, int) else text)
            return text if isinstance(text, int) else len(to_bytes(text))
        fs = self.box.fs
        if self.direct:
            done = fs.write_direct(self.file, self.place, bytes(text) if isinstance(text, int) else to_bytes(text))
        elif isinstance(text, int):
            done = fs.write_zeros(self.file, self.place, text)
        else:
            done = fs.write(self.file, self.place, to_bytes(text))
        self.place += done
        if self.each:
            self.box.writeback.sync_inode(self.file.inode)
        return int(done)

    def discards(self) -> bool:
        return self.file is None and isinstance(self.sink, NullSink)

    def fsync(self) -> None:
        if self.file is not None:
            self.box.writeback.sync_inode(self.file.inode)

    def close(self) -> None:
        if self.file is not None:
            self.box.fs.fput(self.file)
        elif self.sink is not self.io.sink:
            self.sink.close()


@command(
    rest("words", raw=True, meta="if=FILE of=FILE bs=N count=N"), topic=TOPIC, changes=True,
)  # fmt: skip
def dd(box: object, args: Args, io: IO) -> int:
    """copy blocks

    dd if=/dev/zero of=/data bs=1M count=4

    skip=N leaves out input blocks, seek=N output blocks; conv=notrunc keeps what is there, conv=fsync waits for the
    disk at the end; iflag=direct and oflag=direct go past the page cache; iflag=nocache drops from it
    what was read, with count=0 the whole file. Time and rate are by the box's clock, which
    moves only while dd waits for the disk.
    """
    plan = plan_of(args.words)
    box_ = io.session.box
    name = plan.source
    try:
        source = _blocks(io, plan)
        name = plan.target
        output = _Output(io, plan)
    except OSError as error:
        io.complain(f"failed to open '{name}': {error.strerror or error}")
        return 1
    if plan.source == "/dev/zero" and plan.numbers["count"] < 0 and output.file is None:
        output.close()
        raise UsageError("count is missing: /dev/zero never ends")
    start = box_.timer.usec if box_ is not None else 0
    status, told = _copy(io, plan, source, output)
    if "none" not in plan.flags["status"]:
        io.err(f"{told[0]}+{told[1]} records in\n{told[2]}+{told[3]} records out\n")
        if "noxfer" not in plan.flags["status"]:
            io.err(statistics(told[4], box_.timer.usec - start if box_ is not None else 0))
    return status


def _copy(io: IO, plan: Plan, source: Iterator[str | int], output: _Output) -> tuple[int, list[int]]:
    """Move the blocks: (status, [whole in, partial in, whole out, partial out, bytes out])."""
    block = plan.numbers["bs"]
    told = [0, 0, 0, 0, 0]
    status, reading = 0, True
    try:
        while (text := next(source, None)) is not None:
            reading = False
            io.check()
            size = text if isinstance(text, int) else len(to_bytes(text))
            told[0 if size == block else 1] += 1
            if output.discards():
                done = size
            else:
                done = output.write(text)
                if done < size:  # dd goes on with the rest of the block, and meets the error
                    told[4] += done
                    told[3] += 1
                    output.write(size - done if isinstance(text, int) else to_text(to_bytes(text)[done:]))
                    raise KernelError("ENOSPC")
            told[2 if size == block else 3] += 1
            told[4] += done
            reading = True
        if plan.flags["conv"] & {"fsync", "fdatasync"}:
            output.fsync()
    except KernelError as error:
        status = 1
        name = plan.source or "standard input" if reading else plan.target or "standard output"
        io.complain(f"error {'reading' if reading else 'writing'} '{name}': {error.strerror}")
    finally:
        output.close()
    return status, told


def _blocks(io: IO, plan: Plan) -> Iterator[str | int]:
    """The input's blocks: text, or a number where it is that many bytes nobody looks at (zeros)."""
    name, numbers = plan.source, plan.numbers
    if name == "/dev/zero":
        return _zeros(numbers["bs"], numbers["count"])
    session = io.session
    whole = path_of(session, name) if name else ""
    kind = stat_kind(session, whole) if name else None
    if kind in ("file", "device") and session.box is not None and not is_procfs(whole) and whole != "/dev/null":
        file = session.box.fs.open(whole)
        ends = file.inode.f_op.read is None
        if ends and numbers["skip"] * numbers["bs"] > file.inode.size and "none" not in plan.flags["status"]:
            io.complain(f"{name}: cannot skip to specified offset")
        return _of_file(session, file, plan)
    pread = pread_of(session, whole) if kind == "file" and is_procfs(whole) else None
    if pread is not None:
        return _of_proc(session, pread, plan)
    assert session.files is not None
    stdin = session.files.open_read(session, name) if name else io.stdin
    return _of_text(stdin.read(), numbers["bs"], numbers["skip"], numbers["count"])


def _zeros(block: int, most: int) -> Iterator[str | int]:
    serial = 0
    while serial != most:
        yield block
        serial += 1


def _of_file(session: Session, file: File, plan: Plan) -> Iterator[str | int]:
    fs = session.box.fs
    block, most = plan.numbers["bs"], plan.numbers["count"]
    place, serial = plan.numbers["skip"] * block, 0
    unseen = plan.target is not None and resolve(session, plan.target) == "/dev/null"
    try:
        while serial != most:
            if "direct" in plan.flags["iflag"]:
                data = fs.read_direct(file, place, block)
            elif unseen:
                count = fs.skip(file, place, block)
                if not count:
                    return
                place, serial = place + count, serial + 1
                yield count
                continue
            else:
                data = fs.read(file, place, block)
            if not data:
                return
            place, serial = place + len(data), serial + 1
            yield to_text(data)
    finally:
        if "nocache" in plan.flags["iflag"]:
            start = plan.numbers["skip"] * block
            fadvise_dontneed(session.box, file, start, 0 if not most else max(1, place - start))
        fs.fput(file)


def _of_proc(session: Session, pread: Callable[[Box, int, int], bytes], plan: Plan) -> Iterator[str | int]:
    """A file of /proc that is too large to be read as a whole."""
    block = plan.numbers["bs"]
    place, serial = plan.numbers["skip"] * block, 0
    while serial != plan.numbers["count"]:
        with session.looking():
            data = pread(session.box, place, block)
        if not data:
            return
        place, serial = place + len(data), serial + 1
        yield to_text(data)


def _of_text(text: str, block: int, skip: int, most: int) -> Iterator[str | int]:
    data = to_bytes(text)
    for serial, at in enumerate(range(skip * block, len(data), block)):
        if serial == most:
            return
        yield to_text(data[at : at + block])


@command(
    opt("-d", help="accepted: only the data"), opt("-f", help="accepted: their whole file system"),
    rest("files", words="path"), topic=TOPIC, changes=True,
)  # fmt: skip
def sync(box: object, args: Args, io: IO) -> int:
    """write dirty pages of files to the box's disk, and wait for it

    sync

    With files only theirs. The box's clock moves on by the time that the disk takes.
    """
    fs = io.session.box.fs
    if not args.files or args.f:
        fs.sync()
        return 0
    status = 0
    for name in args.files:
        whole = path_of(io.session, name)
        kind = stat_kind(io.session, whole)
        if kind is None:
            io.complain(f"error opening '{name}': No such file or directory")
            status = 1
        elif kind in ("file", "dir") and on_disk(io.session, whole):
            fs.fsync(whole)
    return status
