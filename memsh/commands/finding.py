"""find: the names below a directory that an expression is true of (GNU findutils 4.9's parser.c, pred.c).

Known deviations: names come in ls's order; a file has one time, so that -used counts no days; -O changes nothing and -D
is refused.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from functools import partial

from memsh.commands.facts import lstat
from memsh.commands.findformat import format_of, long_line
from memsh.commands.findtests import Expression, Found, Test
from memsh.commands.paths import is_procfs, path_of, walked
from memsh.linux.include.errno import KernelError
from memsh.procfs import tree
from memsh.shell import IO, Args, ShellError, command, rest
from memsh.shell.io import Input
from memsh.shell.programs import refusal
from memsh.shell.session import FileSink
from memsh.textutils.sources import records


class Quit(Exception):
    """-quit."""


class Finder(Expression):
    """One run: the expression, and the walk."""

    def __init__(self, io: IO, words: list[str]) -> None:
        super().__init__(io, words)
        self.actions |= {
            "-print": self._print_action,
            "-print0": self._print0_action,
            "-printf": self._printf_action,
            "-fprint": self._fprint_action,
            "-fprintf": self._fprintf_action,
            "-ls": self._ls_action,
            "-quit": self._quit_action,
            "-delete": self._delete_action,
            "-exec": self._exec_action,
            "-execdir": self._exec_action,
            "-ok": self._exec_action,
            "-okdir": self._exec_action,
        }
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

    # actions

    def _print(self, found: Found) -> bool:
        self.io.out(found.path + "\n")
        return True

    def _print_action(self, name: str) -> Test:
        self.acts = True
        return self._print

    def _print0_action(self, name: str) -> Test:
        return self._writing(lambda found: found.path + "\0", None)

    def _printf_action(self, name: str) -> Test:
        return self._writing(format_of(self, self._argument(name)), None)

    def _fprint_action(self, name: str) -> Test:
        return self._writing(lambda found: found.path + "\n", self._argument(name))

    def _fprintf_action(self, name: str) -> Test:
        target = self._argument(name)
        return self._writing(format_of(self, self._argument(name)), target)

    def _ls_action(self, name: str) -> Test:
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

    def _quit_action(self, name: str) -> Test:
        self.acts = True

        def leave(found: Found) -> bool:
            raise Quit

        return leave

    def _delete_action(self, name: str) -> Test:
        self.acts = self.depth_first = True

        def delete(found: Found) -> bool:
            whole = path_of(self.io.session, found.path, False)
            try:
                if is_procfs(whole):
                    raise KernelError(tree.sealed(self.io.session.box, whole))
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
        why = refusal(self.io.session, words[0])
        if why:
            self._trouble(f"'{words[0]}': {why}")
            return 1
        return self.io.run(words, Input())

    def _exec_action(self, name: str) -> Test:
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
