"""find: the names below a directory that an expression is true of (GNU findutils 4.9's parser.c, pred.c).

Known deviations: names come in ls's order; a file has one time, so that -used counts no days; -O changes nothing and -D
is refused.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from functools import partial

from memsh.commands.attributes import new_mode
from memsh.commands.facts import Facts, lstat
from memsh.commands.findformat import format_of, fstype, long_line
from memsh.commands.paths import is_procfs, listdir, path_of, walked
from memsh.linux.include.errno import KernelError
from memsh.shell import IO, Args, ShellError, UsageError, command, rest
from memsh.shell.io import Input
from memsh.shell.patterns import matches
from memsh.shell.session import FileSink
from memsh.textutils.clock import booted, local_zone, now
from memsh.textutils.datespec import parse_date
from memsh.textutils.regexp import Regexp, joined
from memsh.textutils.sources import records

Test = Callable[["Found"], bool]
_UNITS = {"c": 1, "w": 2, "b": 512, "k": 1024, "M": 1 << 20, "G": 1 << 30}
_DIALECTS = {
    "findutils-default": "emacs", "ed": "basic", "emacs": "emacs", "gnu-awk": "awk", "grep": "basic",
    "posix-awk": "awk", "awk": "awk", "posix-basic": "basic", "posix-egrep": "egrep", "egrep": "egrep",
    "posix-extended": "extended", "posix-minimal-basic": "basic", "sed": "basic",
}  # fmt: skip


class Quit(Exception):
    """-quit."""


class Found:
    """One name that is looked at; `facts` are asked for when they are needed."""

    __slots__ = ("_facts", "depth", "finder", "path", "pruned", "start")

    def __init__(self, finder: Finder, path: str, start: str, depth: int) -> None:
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


class Finder:
    """One run: the expression, and the walk."""

    def __init__(self, io: IO, words: list[str]) -> None:
        self.io = io
        self.words = words
        self.place = 0
        self.follow = self.follow_start = self.depth_first = self.one_device = False
        self.least, self.most = 0, 1 << 30
        self.dialect = "emacs"
        self.zero: float | None = None  # what -mtime counts from, with -daystart
        self.listed: str | None = None
        self.status = 0
        self.acts = False
        self.gathered: list[tuple[list[str], list[str]]] = []
        self.sinks: dict[str, FileSink] = {}
        self.starts = self._starts()
        test = self._alternatives() if self.place < len(words) else None
        if self.listed is not None:
            self.starts = self._listed(self.listed)
        if self.place < len(words):
            raise ShellError("you have too many ')'" if words[self.place] == ")" else
                             f"paths must precede expression: `{words[self.place]}'")  # fmt: skip
        if test is None:
            self.test: Test = self._print
        elif self.acts:
            self.test = test
        else:
            wanted = test
            self.test = lambda found: wanted(found) and self._print(found)

    def _starts(self) -> list[str]:
        while self.place < len(self.words) and re.fullmatch("-(?:[HLP]|O[0-9]+|D)", self.words[self.place]):
            if self.words[self.place] == "-D":
                raise ShellError("-D: how an expression is run cannot be shown here")
            if self.words[self.place][1] == "O":
                self.place += 1
                continue
            self.follow = self.words[self.place] == "-L"
            self.follow_start = self.words[self.place] in ("-L", "-H")
            self.place += 1
        found = []
        while self.place < len(self.words):
            word = self.words[self.place]
            if (word[:1] == "-" and len(word) > 1) or word in ("(", ")", "!", ","):
                break
            found.append(word)
            self.place += 1
        self.given = bool(found)
        return found or ["."]

    def _listed(self, name: str) -> list[str]:
        """-files0-from: where to begin, a NUL behind each."""
        if self.given:
            raise ShellError(f"extra operand '{self.starts[0]}'\n"
                             "find: file operands cannot be combined with -files0-from")  # fmt: skip
        files = self.io.session.files
        assert files is not None
        try:
            source = self.io.stdin if name == "-" else files.open_read(self.io.session, name)
        except OSError as error:
            raise ShellError(f"cannot open '{name}' for reading: {error.strerror or error}") from None
        return list(records(source, "\0"))

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
        method: Callable[[Finder, str], Test] | None = getattr(Finder, "p_" + word[1:].replace("-", "_"), None)
        if method is None or "__" in word:
            raise ShellError(f"unknown predicate `{word}'")
        return method(self, word)

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
        if word[-1:] and not word[-1:].isdigit() and word[-1:] not in _UNITS:
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
        return self._number(name, lambda facts: 0)

    p_gid = p_uid

    def p_user(self, name: str) -> Test:
        word = self._argument(name)
        if word not in ("root", "0") and not (word.isascii() and word.isdecimal()):
            raise ShellError(f"'{word}' is not the name of a known {name[1:]}")
        return lambda found: word in ("root", "0")

    p_group = p_user

    def p_nouser(self, name: str) -> Test:
        return lambda found: False

    p_nogroup = p_nouser

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
        if not (word.isascii() and word.isdecimal()):
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

    # actions

    def _print(self, found: Found) -> bool:
        self.io.out(found.path + "\n")
        return True

    def p_print(self, name: str) -> Test:
        self.acts = True
        return self._print

    def p_print0(self, name: str) -> Test:
        return self._writing(lambda found: found.path + "\0", None)

    def p_printf(self, name: str) -> Test:
        return self._writing(format_of(self, self._argument(name)), None)

    def p_fprint(self, name: str) -> Test:
        return self._writing(lambda found: found.path + "\n", self._argument(name))

    def p_fprintf(self, name: str) -> Test:
        target = self._argument(name)
        return self._writing(format_of(self, self._argument(name)), target)

    def p_ls(self, name: str) -> Test:
        return self._writing(partial(long_line, self), None)

    def _writing(self, text: Callable[[Found], str], target: str | None) -> Test:
        self.acts = True
        if target is not None and target not in self.sinks:
            files = self.io.session.files
            assert files is not None
            self.sinks[target] = files.open_write(self.io.session, target, False)

        def write(found: Found) -> bool:
            shown = text(found)
            if target is None:
                self.io.out(shown)
            else:
                self.sinks[target].write(shown)
            return True

        return write

    def p_quit(self, name: str) -> Test:
        self.acts = True

        def leave(found: Found) -> bool:
            raise Quit

        return leave

    def p_delete(self, name: str) -> Test:
        self.acts = self.depth_first = True

        def delete(found: Found) -> bool:
            whole = path_of(self.io.session, found.path, False)
            try:
                if is_procfs(whole):
                    raise KernelError("EPERM")
                if found.facts.kind == "dir":
                    self.io.session.box.fs.rmdir(whole)
                else:
                    self.io.session.box.fs.unlink(whole)
            except OSError as error:
                self._trouble(f"cannot delete '{found.path}': {error.strerror}")
                return False
            return True

        return delete

    def _command(self, name: str) -> tuple[list[str], bool]:
        self.acts = True
        words: list[str] = []
        while True:
            if self.place >= len(self.words):
                raise ShellError(f"missing argument to `{name}'")
            word = self._take()
            if word == ";":
                break
            if word == "+" and words and words[-1] == "{}" and not name.startswith("-ok"):
                return words[:-1], True
            words.append(word)
        if not words:
            raise ShellError(f"invalid argument `;' to `{name}'")
        return words, False

    def _run(self, words: list[str]) -> int:
        if not self.io.session.registry.knows(words[0]):
            self._trouble(f"'{words[0]}': No such file or directory")
            return 1
        return self.io.run(words, Input())

    def p_exec(self, name: str) -> Test:
        words, gathers = self._command(name)
        inside, asks = name.endswith("dir"), name.startswith("-ok")
        if gathers:
            waiting: list[str] = []
            self.gathered.append((words, waiting))

            def gather(found: Found) -> bool:
                waiting.append(f"./{found.name}" if inside else found.path)
                return True

            return gather

        def run(found: Found) -> bool:
            path = f"./{found.name}" if inside else found.path
            session = self.io.session
            before = session.cwd
            if asks:
                self.io.err(f"< {' '.join([words[0], *(['...'] if len(words) > 1 else [])])} {found.path} > ? ")
                if self.io.stdin.readline()[:1] not in ("y", "Y"):
                    return False
            if inside:
                session.cwd = posixpath.dirname(path_of(session, found.path, False)) or "/"
            try:
                return self._run([word.replace("{}", path) for word in words]) == 0
            finally:
                session.cwd = before

        return run

    p_execdir = p_ok = p_okdir = p_exec

    # the walk

    def _trouble(self, message: str) -> None:
        self.io.complain(message)
        self.status = 1

    def run(self) -> int:
        try:
            for start in self.starts:
                try:
                    facts = lstat(self.io.session, start, self.follow or self.follow_start)
                except OSError as error:
                    self._trouble(f"'{start}': {error.strerror}")
                    continue
                self._walk(start, start, 0, facts.dev)
        except Quit:
            pass
        finally:
            for sink in self.sinks.values():
                sink.close()
        for words, waiting in self.gathered:
            if waiting and self._run(words + waiting):
                self.status = 1
        return self.status

    def _walk(self, path: str, start: str, depth: int, dev: tuple[int, int]) -> None:
        self.io.check()
        found = Found(self, path, start, depth)
        try:
            facts = found.facts
            if not self.depth_first and depth >= self.least:
                self.test(found)
            if facts.kind == "dir" and depth < self.most and not (found.pruned and not self.depth_first):
                if not (self.one_device and facts.dev != dev):
                    for name in walked(self.io.session, path):
                        self._walk(posixpath.join(path, name), start, depth + 1, dev)
            if self.depth_first and depth >= self.least:
                self.test(found)
        except KernelError as error:
            self._trouble(f"'{path}': {error.strerror}")


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


@command(rest("words", raw=True, meta="[FOLDER …] [EXPRESSION"), topic="files", needs_box=False)
def find(box: object, args: Args, io: IO) -> int:
    """list what lies below a directory

    find /proc/1 -maxdepth 1 -name 'm*'

    -name -iname -path -regex -type -size -empty -perm -newer -mtime -mmin -maxdepth -mindepth -depth -prune -xdev;
    -print -print0 -printf -ls -exec COMMAND {} ; or + -ok -delete -quit; ! ( ) -a -o and the comma between them.
    """
    if {"-version", "--version"} & set(args.words):
        io.out("find (memsh): this is not GNU find version 1.0, but does as it does\n")
        return 0
    return Finder(io, args.words).run()
