"""Checksums printed and checked: md5sum, sha1sum and their kin, b2sum, cksum, sum (GNU coreutils 9.1, src/digest.c).

Known deviation: cksum has no `-a sm3`, which Python's own library lacks.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from memsh.digits import is_digits
from memsh.lazy import regular
from memsh.shell import IO, Args, ShellError, rest
from memsh.shell.io import Input
from memsh.shell.registry import Converter
from memsh.textutils.bytes import bytes_of
from memsh.textutils.quoting import quote, quotef
from memsh.textutils.sources import Sources
from memsh.textutils.utility import Option, last_typed, option, utility

_MOST = 512  # bits of BLAKE2b
_HEX = regular(r"[0-9a-fA-F]*")
_BACKWARDS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Algorithm(NamedTuple):
    """`tag` is its name in a line of BSD's form; `bits` of a digest, 0 for one that is a number."""

    tag: str
    library: str
    bits: int


ALGORITHMS = {
    "bsd": Algorithm("BSD", "", 0), "sysv": Algorithm("SYSV", "", 0), "crc": Algorithm("CRC", "", 0),
    "md5": Algorithm("MD5", "md5", 128), "sha1": Algorithm("SHA1", "sha1", 160),
    "sha224": Algorithm("SHA224", "sha224", 224), "sha256": Algorithm("SHA256", "sha256", 256),
    "sha384": Algorithm("SHA384", "sha384", 384), "sha512": Algorithm("SHA512", "sha512", 512),
    "blake2b": Algorithm("BLAKE2b", "blake2b", _MOST),
}  # fmt: skip


def digest(source: Input, algorithm: Algorithm, bits: int) -> str:
    """The digest of an input in hexadecimal digits."""
    if algorithm.library == "blake2b":
        made: hashlib._Hash | hashlib.blake2b = hashlib.blake2b(digest_size=bits // 8)
    else:
        made = hashlib.new(algorithm.library, usedforsecurity=False)
    for data in bytes_of(source):
        made.update(data)
    return made.hexdigest()


def crc(source: Input) -> tuple[int, int]:
    """(checksum, length): the CRC of POSIX's cksum, which takes the highest bit first and the length behind the data.
    zlib's takes the lowest first, so all bytes are turned round."""
    state, length = 0xFFFFFFFF, 0  # not i386: a checksum of 32 bits
    for data in bytes_of(source):
        state = zlib.crc32(data.translate(_BACKWARDS), state)
        length += len(data)
    behind = length.to_bytes((length.bit_length() + 7) // 8, "little")
    return int(f"{zlib.crc32(behind.translate(_BACKWARDS), state):032b}"[::-1], 2), length


def bsd(source: Input) -> tuple[int, int]:
    """(checksum, length): 16 bits turned by one before each byte is added."""
    total = length = 0
    for data in bytes_of(source):
        length += len(data)
        for byte in data:
            total = ((total >> 1) + ((total & 1) << 15) + byte) & 0xFFFF
    return total, length


def sysv(source: Input) -> tuple[int, int]:
    """(checksum, length): the sum of all bytes, its halves added."""
    total = length = 0
    for data in bytes_of(source):
        length += len(data)
        total += sum(data)
    total &= 0xFFFFFFFF  # not i386: a sum of 32 bits
    folded = (total & 0xFFFF) + (total >> 16)
    return (folded & 0xFFFF) + (folded >> 16), length


_SHORT: dict[str, tuple[Callable[[Input], tuple[int, int]], Callable[[int, int], str]]] = {
    "crc": (crc, lambda total, length: f"{total} {length}"),
    "bsd": (bsd, lambda total, length: f"{total:05d} {-(-length // 1024):5}"),
    "sysv": (sysv, lambda total, length: f"{total} {-(-length // 512)}"),
}


def _length(tool: str) -> Converter:
    """A converter: bits of a digest."""

    def convert(word: str) -> int:
        wrong = f"invalid length: {quote(word)}"
        if not is_digits(word) or int(word[:20]) >= 1 << 64:
            raise ValueError(wrong)
        if int(word) % 8:
            raise ValueError(f"{wrong}\n{tool}: length is not a multiple of 8")
        if int(word) > _MOST:
            raise ValueError(f"{wrong}\n{tool}: maximum digest length for 'BLAKE2b' is {_MOST} bits")
        return int(word)

    return convert


_CHECKING = (
    option("-c", "--check", help="check what is listed"), option("--ignore-missing"), option("--quiet"),
    option("--status"), option("--strict"), option("-w", "--warn"), option("-z", "--zero", help="end lines with NUL"),
)  # fmt: skip
_SUMS = (
    option("-b", "--binary"), option("-t", "--text"), option("--tag", help="lines of BSD's form"), *_CHECKING,
    rest("files", words="path"),
)  # fmt: skip


def _bits(tool: str) -> Option:
    return option("-l", "--length", type=_length(tool), default=0, meta="BITS")


def _sums(name: str, algorithm: str, title: str, *own: Option, example: str = "") -> None:
    """Declare the tool of one algorithm."""

    def body(box: object, args: Args, io: IO) -> int:
        return Summing(args, io, algorithm).run()

    body.__doc__ = f"{title} checksums of files\n\n{name} {example}/proc/version\n"
    utility(*own, *_SUMS, name=name)(body)


for _title in ("MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512"):
    _sums(f"{_title.lower()}sum", _title.lower(), _title)
_sums("b2sum", "blake2b", "BLAKE2b", _bits("b2sum"), example="-l 128 ")


def _algorithm(word: str) -> str:
    if word not in ALGORITHMS:
        listed = "".join(f"\n  - '{name}'" for name in ALGORITHMS)
        raise ValueError(f"invalid argument {quote(word)} for '--algorithm'\nValid arguments are:{listed}")
    return word


@utility(
    option("-a", "--algorithm", type=_algorithm, meta="NAME", help="crc, md5, sha256, blake2b …"),
    _bits("cksum"),
    option("--tag"), option("--untagged", help="lines without the algorithm's name"), *_CHECKING,
    option("--debug", lacks="no hardware helps here"), rest("files", words="path"),
)  # fmt: skip
def cksum(box: object, args: Args, io: IO) -> int:
    """checksums of files: CRC, or what -a names

    cksum /proc/version
    """
    if args.length and args.algorithm != "blake2b":
        raise ShellError("--length is only supported with --algorithm=blake2b")
    if args.check and args.algorithm in _SHORT:
        raise ShellError("--check is not supported with --algorithm={bsd,sysv,crc}")
    return Summing(args, io, args.algorithm or "crc", cksum=True).run()


@utility(option("-r", name="bsd", help="BSD's sum, 1K blocks"), option("-s", "--sysv", help="System V's, 512 bytes"),
         rest("files", words="path"))  # fmt: skip
def sum_(box: object, args: Args, io: IO) -> int:
    """checksums of 16 bits and the blocks of files

    sum /proc/version
    """
    return Summing(args, io, last_typed(args, "bsd", "sysv") or "bsd", plain=True).run()


class Summing:
    """One call of such a tool. `cksum`: of the one that knows all algorithms; `plain`: of `sum`, which never checks."""

    def __init__(self, args: Args, io: IO, name: str, cksum: bool = False, plain: bool = False) -> None:
        self.args, self.io, self.name = args, io, name
        self.algorithm = ALGORITHMS[name]
        self.bits = (args.length if name == "blake2b" else 0) or self.algorithm.bits
        self.cksum, self.plain = cksum, plain
        self.reversed: bool | None = None  # lines of BSD's `md5 -r`, once one line has shown which they are

    def run(self) -> int:
        if not self.plain:
            self._refuse()
            if self.args.check:
                good = [self._check(name) for name in self.args.files or ["-"]]
                return int(not all(good))
        sources = Sources(self.io, self.args.files)
        for name, source in sources:
            self.io.out(self._line(name, source))
        return sources.status

    def _refuse(self) -> None:
        args = self.args
        said = "option is meaningful only when verifying checksums"
        last = last_typed(args, "quiet", "status", "warn")
        modes = [name for name, _ in args.typed if name in ("binary", "text", "tag")]
        if not self.cksum and modes[-1:] == ["text"] and args.tag:
            raise args.refused("--tag does not support --text mode")
        if args.check:
            if args.zero:
                raise args.refused("the --zero option is not supported when verifying checksums")
            if not self.cksum and args.tag:
                raise args.refused("the --tag option is meaningless when verifying checksums")
            if not self.cksum and modes:
                raise args.refused("the --binary and --text options are meaningless when verifying checksums")
            return
        for name in ("ignore_missing", "status", "warn", "quiet", "strict"):
            if getattr(args, name) and (name == last or name not in ("status", "warn", "quiet")):
                raise args.refused(f"the --{name.replace('_', '-')} {said}")

    def _line(self, name: str, source: Input) -> str:
        end = "\0" if not self.plain and self.args.zero else "\n"
        if self.name in _SHORT:
            count, spelled = _SHORT[self.name]
            return spelled(*count(source)) + (f" {name}" if self.args.files else "") + end
        shown = _escaped(name) if end == "\n" else name
        lead = "\\" if shown != name else ""
        made = digest(source, self.algorithm, self.bits)
        if (last_typed(self.args, "tag", "untagged") or "tag" * self.cksum) == "tag":
            length = f"-{self.bits}" if self.bits < self.algorithm.bits else ""
            return f"{lead}{self.algorithm.tag}{length} ({shown}) = {made}{end}"
        modes = [name for name, _ in self.args.typed if name in ("binary", "text")]
        return f"{lead}{made} {'*' if modes[-1:] == ['binary'] else ' '}{shown}{end}"

    # checking

    def _check(self, listed: str) -> bool:
        io, args = self.io, self.args
        last = last_typed(args, "quiet", "status", "warn")
        sources = Sources(io, [listed])
        shown = quotef("standard input" if listed == "-" else listed)
        wrong = failed = missing = matched = proper = 0
        for number, line in enumerate(self._lines(sources), 1):
            if line.startswith("#") or not line:
                continue
            read = self._split(line)
            if read is None or (listed == "-" and read[1] == "-"):
                wrong += 1
                if last == "warn":
                    io.complain(f"{shown}: {number}: improperly formatted {self.algorithm.tag} checksum line")
                continue
            proper += 1
            wanted, name = read
            found = self._found(name)
            if found is None:
                continue
            good = found.lower() == wanted.lower()
            missing += not found
            failed += bool(found) and not good
            matched += good
            if last != "status" and not (good and last == "quiet"):
                clear = "\\" + name.replace("\\", "\\\\").replace("\n", "\\n") if "\n" in name else name
                io.out(f"{clear}: {'OK' if good else 'FAILED' if found else 'FAILED open or read'}\n")
        if sources.failed:
            return False
        if not proper:
            io.complain(f"{shown}: no properly formatted checksum lines found")
        elif last != "status":
            self._warn(wrong, missing, failed)
            if args.ignore_missing and not matched:
                io.complain(f"{shown}: no file was verified")
        return bool(proper and matched) and not failed and not missing and not (args.strict and wrong)

    @staticmethod
    def _lines(sources: Sources) -> Iterator[str]:
        return (line.removesuffix("\r") for line in sources.bare_lines())

    def _warn(self, wrong: int, missing: int, failed: int) -> None:
        for count, one, more in (
            (wrong, "line is improperly formatted", "lines are improperly formatted"),
            (missing, "listed file could not be read", "listed files could not be read"),
            (failed, "computed checksum did NOT match", "computed checksums did NOT match"),
        ):
            if count:
                self.io.complain(f"WARNING: {count} {one if count == 1 else more}")

    def _found(self, name: str) -> str | None:
        """The digest of a file; "" if it cannot be read, None if it is missing and may be."""
        if self.args.ignore_missing and name != "-":
            files = self.io.session.files
            assert files is not None
            try:
                files.open_read(self.io.session, name)
            except FileNotFoundError:
                return None
            except OSError as error:
                if error.errno == 2:
                    return None
        source = Sources(self.io, []).open(name)
        return "" if source is None else digest(source, self.algorithm, self.bits)

    def _split(self, line: str) -> tuple[str, str] | None:
        """(digest, name) of a line; None for what is no such line."""
        line = line.lstrip(" \t")
        escaped = line.startswith("\\")
        line = line[escaped:]
        if self.cksum and not self.args.algorithm:
            tagged = next((name for name, known in ALGORITHMS.items() if known.bits
                           and re.match(re.escape(known.tag) + "[- (]", line)), None)  # fmt: skip
            if tagged is None:
                return None
            self.algorithm, self.bits = ALGORITHMS[tagged], ALGORITHMS[tagged].bits
        if line.startswith(self.algorithm.tag):
            return self._split_tagged(line[len(self.algorithm.tag) :], escaped)
        hexadecimal = _HEX.match(line)
        assert hexadecimal is not None
        digits = len(hexadecimal[0])
        if self.algorithm.library == "blake2b":
            if digits < 2 or digits % 2 or digits > _MOST // 4:
                return None
            self.bits = digits * 4
        if digits != self.bits // 4 or line[digits : digits + 1] not in (" ", "\t"):
            return None
        name = line[digits + 1 :]
        if len(name) == 1 or name[:1] not in (" ", "*"):
            if self.reversed is False:
                return None
            self.reversed = True
        elif self.reversed is not True:
            self.reversed = False
            name = name[1:]
        plain = _unescaped(name) if escaped else name
        return None if not plain else (hexadecimal[0], plain)

    def _split_tagged(self, left: str, escaped: bool) -> tuple[str, str] | None:
        self.bits = self.algorithm.bits
        if self.algorithm.library == "blake2b" and left.startswith("-"):
            number = re.match(r"-([0-9]{1,4})", left)
            if number is None or not 0 < int(number[1]) <= _MOST or int(number[1]) % 8:
                return None
            self.bits, left = int(number[1]), left[number.end() :]
        match = re.fullmatch(r" ?\((.*)\)[ \t]*=[ \t]*([0-9a-fA-F]+)", left, re.DOTALL)
        if match is None or len(match[2]) != self.bits // 4:
            return None
        name = _unescaped(match[1]) if escaped else match[1]
        return None if name is None else (match[2], name)


def _escaped(name: str) -> str:
    return name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def _unescaped(name: str) -> str | None:
    """The name that was written with escapes; None if that cannot be."""
    if re.fullmatch(r"(?:[^\\]|\\[nr\\])*", name, re.DOTALL) is None:
        return None
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "r": "\r"}.get(match[1], match[1]), name)
