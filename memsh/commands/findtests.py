"""The expression of find: its tests, options and operators, as predicates (GNU findutils 4.9's parser.c, pred.c)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

from memsh.commands.attributes import new_mode
from memsh.commands.facts import Facts, lstat
from memsh.commands.findformat import fstype
from memsh.commands.paths import listdir
from memsh.digits import is_digits
from memsh.linux.include.errno import KernelError
from memsh.shell import IO, ShellError, UsageError
from memsh.shell.patterns import matches
from memsh.textutils.clock import booted, local_zone, now
from memsh.textutils.datespec import parse_date
from memsh.textutils.regexp import Regexp, joined

Test = Callable[["Found"], bool]
_UNITS = {"c": 1, "w": 2, "b": 512, "k": 1024, "M": 1 << 20, "G": 1 << 30}
_DIALECTS = {
    "findutils-default": "emacs", "ed": "basic", "emacs": "emacs", "gnu-awk": "awk", "grep": "basic",
    "posix-awk": "awk", "awk": "awk", "posix-basic": "basic", "posix-egrep": "egrep", "egrep": "egrep",
    "posix-extended": "extended", "posix-minimal-basic": "basic", "sed": "basic",
}  # fmt: skip


class Found:
    """One name that is looked at; `facts` are asked for when they are needed."""

    __slots__ = ("_facts", "depth", "finder", "path", "pruned", "start")

    def __init__(self, finder: Expression, path: str, start: str, depth: int) -> None:
        self.finder = finder
        self.path = path
        self.start = start
        self.depth = depth
        self.pruned = False
        self._facts: Facts | None = None

    @property
    def name(self) -> str:
        return posixpath.basename(self.path.rstrip("/")) or "/"

    @property
    def facts(self) -> Facts:
        if self._facts is None:
            session, follow = self.finder.io.session, self.finder.follow
            try:
                self._facts = lstat(session, self.path, follow or (self.finder.follow_start and not self.depth))
            except KernelError:  # a link that leads nowhere stands for itself
                self._facts = lstat(session, self.path)
        return self._facts

    def look(self, facts: Facts) -> None:
        """Take these for what the name stands for."""
        self._facts = facts


def _compare(word: str, name: str) -> tuple[str, int]:
    """`+5`, `-5`, `5`: the sign and the number."""
    match = re.fullmatch(r"([-+]?)([0-9]+)", word)
    if match is None:
        raise ShellError(f"invalid argument `{word}' to `{name}'")
    return match[1], int(match[2])


def _holds(sign: str, value: float, wanted: int) -> bool:
    return value > wanted if sign == "+" else value < wanted if sign == "-" else value == wanted


class Expression:
    """The words of an expression, and what its options set. What acts on a name is Finder's."""

    def __init__(self, io: IO, words: list[str]) -> None:
        self.io = io
        self.words = words
        self.place = 0
        self.follow = self.follow_start = self.depth_first = self.one_device = False
        self.least, self.most = 0, 1 << 30
        self.dialect = "emacs"
        self.zero: float | None = None  # what -mtime counts from, with -daystart
        self.listed: str | None = None
        self.actions: dict[str, Callable[[str], Test]] = {}  # a word that acts, and does not only test → its predicate
        self.acts = False
        self.status = 0

    # the expression

    def _next(self) -> str:
        return self.words[self.place] if self.place < len(self.words) else ""

    def _take(self) -> str:
        self.place += 1
        return self.words[self.place - 1]

    def _argument(self, name: str) -> str:
        if self.place >= len(self.words):
            raise ShellError(f"missing argument to `{name}'")
        return self._take()

    def _alternatives(self) -> Test:
        first = self._either()
        while self._next() == ",":
            self._take()
            first = self._both_run(first, self._either())
        return first

    @staticmethod
    def _both_run(a: Test, b: Test) -> Test:
        def test(found: Found) -> bool:
            a(found)
            return b(found)

        return test

    def _either(self) -> Test:
        tests = [self._all()]
        while self._next() in ("-o", "-or"):
            self._take()
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda found: any(test(found) for test in tests)

    def _all(self) -> Test:
        if self._next() in ("-o", "-or", "-a", "-and", ","):
            raise ShellError(f"invalid expression; you have used a binary operator '{self._next()}' with nothing "
                             "before it.")  # fmt: skip
        tests = [self._one()]
        while self.place < len(self.words) and self._next() not in ("-o", "-or", ")", ","):
            if self._next() in ("-a", "-and"):
                self._take()
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda found: all(test(found) for test in tests)

    def _one(self) -> Test:
        if self.place >= len(self.words):
            last = self.words[-1] if self.words else ""
            if last == "(":
                raise ShellError("invalid expression; expected to find a ')' but didn't see one. "
                                 "Perhaps you need an extra predicate after '('")  # fmt: skip
            raise ShellError(f"expected an expression after '{last}'")
        word = self._take()
        if word in ("!", "-not"):
            inner = self._one()
            return lambda found: not inner(found)
        if word == "(":
            if self._next() == ")":
                raise ShellError("invalid expression; empty parentheses are not allowed.")
            inner = self._alternatives()
            if self._next() != ")":
                raise ShellError("invalid expression; I was expecting to find a ')' somewhere but did not see one.")
            self._take()
            return inner
        if word[:1] != "-":
            raise ShellError(f"paths must precede expression: `{word}'")
        if re.fullmatch("-newer[aBcm][aBcmt]", word):
            return self._newer(word, word[6], word[7])
        method: Callable[[str], Test] | None = self.actions.get(word)
        method = method or getattr(self, "p_" + word[1:].replace("-", "_"), None)
        if method is None or "__" in word:
            raise ShellError(f"unknown predicate `{word}'")
        return method(word)

    # tests

    def _glob(self, name: str, path: bool, fold: bool) -> Test:
        pattern = self._argument(name).replace("(", "\\(")
        return lambda found: matches(found.path if path else found.name, pattern, fold)

    def p_name(self, name: str) -> Test:
        return self._glob(name, False, False)

    def p_iname(self, name: str) -> Test:
        return self._glob(name, False, True)

    def p_path(self, name: str) -> Test:
        return self._glob(name, True, False)

    def p_ipath(self, name: str) -> Test:
        return self._glob(name, True, True)

    p_wholename, p_iwholename = p_path, p_ipath

    def p_lname(self, name: str) -> Test:
        pattern, fold = self._argument(name).replace("(", "\\("), name == "-ilname"
        return lambda found: found.facts.kind == "link" and matches(found.facts.target, pattern, fold)

    p_ilname = p_lname

    def _regexp(self, name: str, fold: bool) -> Test:
        text = self._argument(name)
        dialect = "extended" if self.dialect == "emacs" else self.dialect
        text = _from_emacs(text) if self.dialect == "emacs" else text
        found_by: Regexp = joined([text], dialect, fold, r"\A(?:{})\Z")
        return lambda found: found_by.test(found.path) is not None

    def p_regex(self, name: str) -> Test:
        return self._regexp(name, False)

    def p_iregex(self, name: str) -> Test:
        return self._regexp(name, True)

    def p_regextype(self, name: str) -> Test:
        word = self._argument(name)
        if word not in _DIALECTS:
            raise ShellError(f"Unknown regular expression type '{word}'; valid types are "
                             + ", ".join(f"'{known}'" for known in _DIALECTS) + ".")  # fmt: skip
        self.dialect = _DIALECTS[word]
        return lambda found: True

    def p_type(self, name: str) -> Test:
        wanted = self._argument(name).split(",")
        for letter in wanted:
            if letter not in ("b", "c", "d", "p", "f", "l", "s"):
                raise ShellError(f"Unknown argument to {name}: {letter[:1]}")
        return lambda found: found.facts.letter in wanted

    def p_xtype(self, name: str) -> Test:
        """As -type, of where a link leads; with -L of the link itself."""
        wanted = self.p_type(name)
        session = self.io.session

        def test(found: Found) -> bool:
            if not (self.follow or found.facts.kind == "link"):
                return wanted(found)
            other = Found(self, found.path, found.start, found.depth)
            try:
                other.look(lstat(session, found.path, not self.follow))
            except OSError:  # it leads nowhere
                other.look(lstat(session, found.path))
            return wanted(other)

        return test

    def p_size(self, name: str) -> Test:
        word = self._argument(name)
        if word[-1:] and not is_digits(word[-1:]) and word[-1:] not in _UNITS:
            raise ShellError(f"invalid -size type `{word[-1:]}'")
        unit = word[-1:] if word[-1:] in _UNITS else ""
        sign, wanted = _compare(word.removesuffix(unit) if unit else word, name)
        size = _UNITS[unit or "b"]
        return lambda found: _holds(sign, -(-found.facts.size // size), wanted)

    def p_empty(self, name: str) -> Test:
        def test(found: Found) -> bool:
            if found.facts.kind == "dir":
                return not listdir(self.io.session, found.path)
            return found.facts.kind == "file" and not found.facts.size

        return test

    def _number(self, name: str, of: Callable[[Facts], int]) -> Test:
        sign, wanted = _compare(self._argument(name), name)
        return lambda found: _holds(sign, of(found.facts), wanted)

    def p_links(self, name: str) -> Test:
        return self._number(name, lambda facts: facts.links)

    def p_inum(self, name: str) -> Test:
        return self._number(name, lambda facts: facts.inode)

    def p_uid(self, name: str) -> Test:
        return self._number(name, lambda facts: facts.uid)

    def p_gid(self, name: str) -> Test:
        return self._number(name, lambda facts: facts.gid)

    def _owner(self, name: str) -> int:
        word = self._argument(name)
        if word != "root" and not is_digits(word):
            raise ShellError(f"'{word}' is not the name of a known {name[1:]}")
        return 0 if word == "root" else int(word)

    def p_user(self, name: str) -> Test:
        wanted = self._owner(name)
        return lambda found: found.facts.uid == wanted

    def p_group(self, name: str) -> Test:
        wanted = self._owner(name)
        return lambda found: found.facts.gid == wanted

    def p_nouser(self, name: str) -> Test:
        return lambda found: not found.facts.user

    def p_nogroup(self, name: str) -> Test:
        return lambda found: not found.facts.group

    def p_perm(self, name: str) -> Test:
        word = self._argument(name)
        how = word[:1] if word[:1] in ("-", "/") else ""
        try:
            wanted = new_mode(0, word[len(how) :])
        except UsageError:
            raise ShellError(f"invalid mode '{word}'") from None
        if how == "-":
            return lambda found: found.facts.mode & wanted == wanted
        if how == "/":
            return lambda found: not wanted or bool(found.facts.mode & wanted)
        return lambda found: found.facts.mode == wanted

    def age(self, found: Found) -> float:
        seconds = found.facts.seconds
        if seconds is None:
            return 0.0
        return float(self.io.session.box.timer.usec / 1e6 - seconds)

    def _aged(self, name: str, unit: int) -> Test:
        """How many days or minutes ago; after -daystart, before the end of today."""
        sign, wanted = _compare(self._argument(name), name)
        later = 0.0 if self.zero is None else self.zero - now(self.io)
        return lambda found: _holds(sign, int((self.age(found) + later) // unit), wanted)

    def p_daystart(self, name: str) -> Test:
        when, zone = now(self.io), local_zone(self.io)
        today = parse_date("today 00:00", round(when * 1e9), zone) / 1e9
        self.zero = today + 86400
        return lambda found: True

    def p_mtime(self, name: str) -> Test:
        return self._aged(name, 86400)

    def p_mmin(self, name: str) -> Test:
        return self._aged(name, 60)

    p_atime = p_ctime = p_mtime
    p_amin = p_cmin = p_mmin

    def p_newer(self, name: str) -> Test:
        return self._newer(name, "m", "m")

    p_anewer = p_cnewer = p_newer

    def _newer(self, name: str, mine: str, other: str) -> Test:
        """-newerXY: the time of a file (it has one) against another's, or against a date (`t`)."""
        if "B" in (mine, other):
            raise ShellError("This system does not provide a way to find the birth time of a file.\n"
                             f"find: invalid predicate `{name}'")  # fmt: skip
        word = self._argument(name)
        if other == "t":
            try:
                date = parse_date(word, round(now(self.io) * 1e9), local_zone(self.io)) / 1e9
            except ValueError:
                raise ShellError(f"I cannot figure out how to interpret '{word}' as a date or time") from None
            limit = date - booted(self.io)
        else:
            try:
                seconds = lstat(self.io.session, word, True).seconds
            except OSError as error:
                raise ShellError(f"'{word}': {error.strerror}") from None
            limit = float("inf") if seconds is None else seconds
        return lambda found: (float("inf") if found.facts.seconds is None else found.facts.seconds) > limit

    def p_used(self, name: str) -> Test:
        sign, wanted = _compare(self._argument(name), name)
        return lambda found: _holds(sign, 0, wanted)

    def p_fstype(self, name: str) -> Test:
        wanted = self._argument(name)
        return lambda found: fstype(self, found) == wanted

    def p_context(self, name: str) -> Test:
        self._argument(name)
        raise ShellError(f"invalid predicate {name}: SELinux is not enabled.")

    def p_files0_from(self, name: str) -> Test:
        self.listed = self._argument(name)
        return lambda found: True

    def p_samefile(self, name: str) -> Test:
        other = lstat(self.io.session, self._argument(name), True)
        return lambda found: (found.facts.dev, found.facts.inode) == (other.dev, other.inode)

    def p_executable(self, name: str) -> Test:
        return lambda found: bool(found.facts.mode & 0o111)

    def p_readable(self, name: str) -> Test:
        return lambda found: True

    p_writable = p_true = p_readable

    def p_false(self, name: str) -> Test:
        return lambda found: False

    # how to walk

    def _level(self, name: str) -> int:
        word = self._argument(name)
        if not is_digits(word):
            raise ShellError(f"Expected a positive decimal integer argument to {name}, but got '{word}'")
        return int(word)

    def p_maxdepth(self, name: str) -> Test:
        self.most = self._level(name)
        return lambda found: True

    def p_mindepth(self, name: str) -> Test:
        self.least = self._level(name)
        return lambda found: True

    def p_depth(self, name: str) -> Test:
        self.depth_first = True
        return lambda found: True

    p_d = p_depth

    def p_xdev(self, name: str) -> Test:
        self.one_device = True
        return lambda found: True

    p_mount = p_xdev

    def p_noleaf(self, name: str) -> Test:
        return lambda found: True

    p_ignore_readdir_race = p_noignore_readdir_race = p_warn = p_nowarn = p_noleaf

    def p_follow(self, name: str) -> Test:
        self.follow = True
        return lambda found: True

    def p_prune(self, name: str) -> Test:
        def prune(found: Found) -> bool:
            found.pruned = True
            return True

        return prune


def _from_emacs(pattern: str) -> str:
    """Emacs' spelling as extended: \\( \\| \\) group, bare ones and braces are characters."""

    def one(match: re.Match[str]) -> str:
        token = match[0]
        if token[0] == "[" and len(token) > 1:
            return token
        if token[0] == "\\" and len(token) > 1:
            return token[1] if token[1] in "()|" else token
        return "\\" + token if token in "()|{}" else token

    return re.sub(r"\[\^?\]?(?:\[:[a-z]+:\]|[^\]])*\]|\\.|.", one, pattern, flags=re.DOTALL)
