"""Swap areas: mkswap swapon swapoff (util-linux 2.38).

**Known deviations:** an area's UUID follows from its name and the box's clock; `-a` means the swap disk, since
/etc/fstab names nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.commands.paths import path_of
from memsh.commands.tools import reader_of
from memsh.digits import is_digits
from memsh.linux.include.errno import KernelError
from memsh.linux.include.mm_types import File
from memsh.linux.include.stat import s_isblk
from memsh.linux.lib.uuid import uuid_gen
from memsh.linux.mm.swap.swapoff import swapoff as sys_swapoff
from memsh.linux.mm.swap.swapon import MAGIC, MAGIC_AT, VERSION_AT, first_page, swap_header
from memsh.linux.mm.swap.swapon import swapon as sys_swapon
from memsh.procps import smartcols
from memsh.procps.smartcols import Column, Row, Style
from memsh.procps.utillinux import human_size
from memsh.proctext.swaps import Area, parse
from memsh.shell import IO, Args, ShellError, UsageError, arg, command, opt, rest
from memsh.shell.values import wide_size

if TYPE_CHECKING:
    from memsh.linux.box import Box

TOPIC = "files"
MIN_GOODPAGES = 10
DISK = "/dev/vda"
COLUMNS = ("NAME", "TYPE", "SIZE", "USED", "PRIO")
_RIGHT = ("SIZE", "USED", "PRIO")


def open_area(box: Box, io: IO, path: str, *, writable: bool = False) -> File:
    """The disk or file that may hold a swap area. ENOENT, EISDIR, ENXIO."""
    return box.fs.open(path_of(io.session, path), writable=writable)


def _permissions(box: Box, io: IO, path: str) -> tuple[int, int]:
    """Those of a name, and those that swap may have: (mode, the bits it should not have)."""
    mode = box.fs.lookup(path_of(io.session, path)).mode
    return mode & 0o7777, 0o7007 if s_isblk(mode) else 0o7077


def _why(error: OSError) -> str:
    return error.strerror or str(error)


def _in_use(box: Box, file: File) -> bool:
    return bool(file.inode is box.fs.device or box.swap.is_swapfile(file.inode))


@command(
    opt("-f", "--force", help="go on although the size is odd"),
    opt("-L", "--label", type=str, meta="LABEL", help="a label of up to 16 letters"),
    arg("device", words="path", help="a disk or a file"), arg("size", type=wide_size, default=None, help="in bytes"),
    topic=TOPIC, changes=True,
)  # fmt: skip
def mkswap(box: Box, args: Args, io: IO) -> int:
    """set up a swap area on a disk or in a file

    mkswap /dev/vda

    It writes a signature into the first page; swapon then uses the rest. /dev/vda is the box's spare disk.
    """
    path = args.device
    try:
        file = open_area(box, io, path, writable=True)
    except KernelError as error:
        raise ShellError(f"cannot open {path}: {_why(error)}") from None
    try:
        size = file.inode.size
        pages = size >> 12
        if args.size is not None:
            wanted = args.size >> 12
            if wanted > pages and not args.force:
                raise ShellError(
                    f"error: size {args.size >> 10} KiB is larger than device size {pages * 4} KiB"
                )
            pages = min(wanted, pages) if not args.force else wanted
        if pages < MIN_GOODPAGES:
            raise ShellError(f"error: swap area needs to be at least {MIN_GOODPAGES * 4} KiB")
        if _in_use(box, file):
            raise ShellError(f"error: {path} is mounted; will not make swapspace")
        mode, mask = _permissions(box, io, path)
        if mode & mask:
            io.err(f"mkswap: {path}: insecure permissions {mode:04o}, fix with: chmod {0o666 & ~mask:04o} {path}\n")
        if has_signature(box, file):
            io.err(f"mkswap: {path}: warning: wiping old swap signature.\n")
        uuid = uuid_gen(f"{file.path} {box.uptime_usec}")
        label = (args.label or "").encode("utf-8", "surrogateescape")[:16]
        good = (pages - 1) << 12
        io.out(f"Setting up swapspace version 1, size = {human_size(good, long=True)} ({good} bytes)\n")
        header = swap_header(pages, uuid, label)
        box.fs.write(file, VERSION_AT, header[VERSION_AT:])
        box.writeback.sync_inode(file.inode)
        digits = uuid.hex()
        name = f"LABEL={label.decode(errors='replace')}" if label else "no label"
        io.out(f"{name}, UUID={digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}\n")
    finally:
        box.fs.fput(file)
    return 0


# -- swapon ----------------------------------------------------------------------------------------------------------


def _table(areas: list[Area], wanted: list[str], *, headings: bool, raw: bool, exact: bool) -> str:
    """`swapon --show`."""
    rows = []
    for area in areas:
        sizes = [kb << 10 for kb in (area.size, area.used)]
        shown = [str(size) if exact else human_size(size) for size in sizes]
        priority = "" if area.priority is None else str(area.priority)
        rows.append(Row(dict(zip(COLUMNS, (area.name, area.kind, *shown, priority), strict=True))))
    columns = [Column(name, "", name in _RIGHT) for name in wanted]
    return smartcols.text(columns, rows, Style("r" if raw else "", headings))


def _columns(given: str) -> list[str]:
    names = [name.upper() for name in given.split(",")]
    for name in names:
        if name not in COLUMNS:
            raise UsageError(f"unknown column: {name.lower()}")
    return names


def _mount_options(word: str) -> dict[str, str]:
    """`pri=5,nofail` as fstab has them."""
    found = {}
    for item in word.split(","):
        name, _, value = item.partition("=")
        if name not in ("pri", "discard", "nofail", "noauto", "auto", "defaults", "sw"):
            raise ValueError(f"unsupported option '{item}'")
        found[name] = value
    return found


def _priority(word: str) -> int:
    digits = word[1:] if word.startswith("-") else word
    if not is_digits(digits):
        raise ValueError(f"failed to parse priority: '{word}'")
    if word.startswith("-"):
        return -1
    return min(int(digits), 32767)


@command(
    opt("-a", "--all", help="every swap disk of the box"),
    opt("-p", "--priority", type=_priority, meta="PRIO", help="0 to 32767; higher ones are filled first"),
    opt("-s", "--summary", help="list the areas in use, as /proc/swaps does"),
    opt("--show", meta="COLUMN,…", help="list the areas in use as a table; --show=NAME,SIZE chooses columns"),
    opt("--noheadings", help="the table without its first line"), opt("--raw", help="the table without padding"),
    opt("--bytes", help="sizes in bytes"), opt("-e", "--ifexists", help="skip what is not there"),
    opt("-d", "--discard", help="tell the disk what is free: the box's disks do not take that, and nothing differs"),
    opt("-L", "--by-label", type=str, meta="LABEL", help="the disk with this label"),
    opt("-U", "--by-uuid", type=str, meta="UUID", help="the disk with this UUID"),
    opt("-o", "--options", type=_mount_options, meta="LIST", help="as in fstab: pri=N, discard, nofail"),
    opt("-v", "--verbose", help="say what is done"),
    rest("devices", words="path", help="disks or files"), topic=TOPIC, changes=True, needs_box=False,
)  # fmt: skip
def swapon(box: Box, args: Args, io: IO) -> int:
    """use a disk or a file for swapping, or list what is used

    mkswap /dev/vda
    swapon /dev/vda

    The area needs a signature (mkswap). Without an argument the areas in use are listed.
    """
    given: dict[str, str] = args.options or {}
    priority = _priority(given["pri"]) if "pri" in given and args.priority is None else args.priority
    args = Args({**vars(args), "priority": priority, "ifexists": args.ifexists or "nofail" in given})
    named = args.by_label is not None or args.by_uuid is not None
    listing = args.summary or args.show or not (args.all or args.devices or named)
    text = reader_of(box, io).read("/proc/swaps") if listing else ""
    areas = parse(text)
    if args.summary:
        io.out(text if areas else "")
        return 0
    if listing:
        wanted = _columns(args.show) if isinstance(args.show, str) else list(COLUMNS)
        if areas:
            io.out(_table(areas, wanted, headings=not args.noheadings, raw=args.raw, exact=args.bytes))
        return 0
    if box is None:
        raise ShellError("needs a kernel, and --proc has none: it reads a recorded /proc")
    status = 0
    for at, wanted in ((LABEL_AT, args.by_label), (UUID_AT, args.by_uuid)):
        if wanted is not None:
            path = _disk_with(box, at, wanted)
            if path is None:
                io.err(f"swapon: cannot find the device for {wanted}\n")
                status = 1
            else:
                status |= _swapon_one(box, io, path, args)
    if args.all:
        file = box.fs.open(DISK)
        idle = not _in_use(box, file) and has_signature(box, file)
        box.fs.fput(file)
        if idle:
            status |= _swapon_one(box, io, DISK, args)
    for path in args.devices or []:
        status |= _swapon_one(box, io, path, args)
    return status


UUID_AT, LABEL_AT = 1036, 1052  # in the first page: behind version, last page and bad pages


def _disk_with(box: Box, at: int, wanted: str) -> str | None:
    """The block device whose swap header has this UUID or label."""
    for inode in box.fs.block_devices():
        file = box.fs.blkdev_open(inode.dev)
        if has_signature(box, file):
            field = first_page(box, inode)[at : at + 16]
            label = field.rstrip(b"\0").decode(errors="replace")
            if label == wanted if at == LABEL_AT else field.hex() == wanted.replace("-", "").lower():
                box.fs.fput(file)
                return f"/dev/{inode.name}"
        box.fs.fput(file)
    return None


def has_signature(box: Box, file: File) -> bool:
    if file.inode.is_dir or file.inode.size < 4096:
        return False
    return first_page(box, file.inode)[MAGIC_AT:] == MAGIC


def _swapon_one(box: Box, io: IO, path: str, args: Args) -> int:
    try:
        file = open_area(box, io, path)
    except KernelError as error:
        if args.ifexists and error.code == "ENOENT":
            return 0
        io.err(f"swapon: cannot open {path}: {_why(error)}\n")
        return 1
    if args.verbose:
        io.out(f"swapon: {path}: found signature\n" if has_signature(box, file) else "")
    mode, mask = _permissions(box, io, path)
    if mode & mask and not file.inode.is_dir:
        io.err(f"swapon: {path}: insecure permissions {mode:04o}, {0o666 & ~mask:04o} suggested.\n")
    if not has_signature(box, file):
        io.err(f"swapon: {path}: read swap header failed\n")
        box.fs.fput(file)
        return 1
    try:
        sys_swapon(box, file, path, -1 if args.priority is None else args.priority)
    except KernelError as error:
        io.err(f"swapon: {path}: swapon failed: {_why(error)}\n")
        box.fs.fput(file)
        return 1
    if args.verbose:
        io.out(f"swapon {path}\n")
    return 0


@command(
    opt("-a", "--all", help="every area in use"), opt("-v", "--verbose", help="say what is done"),
    rest("devices", words="path", help="disks or files"), topic=TOPIC, changes=True,
)  # fmt: skip
def swapoff(box: Box, args: Args, io: IO) -> int:
    """stop using a swap area; everything in it comes back first

    mkswap /dev/vda
    swapon /dev/vda
    swapoff /dev/vda

    If memory cannot hold it the area stays in use, and nothing is lost.
    """
    paths = list(args.devices or [])
    if args.all:
        paths += [area.path for area in list(box.swap.active) if area.path not in paths]
    elif not paths:
        raise UsageError("bad usage: swapoff [-a] [-v] DEVICE …")
    status = 0
    for path in paths:
        if args.verbose:
            io.out(f"swapoff {path}\n")
        try:
            file = open_area(box, io, path)
            try:
                sys_swapoff(box, file.inode)
            finally:
                box.fs.fput(file)
        except KernelError as error:
            io.err(f"swapoff: {path}: swapoff failed: {_why(error)}\n")
            status = 1
    return status
