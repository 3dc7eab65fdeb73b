"""awk, bc and sed, as commands: their options and operands. The languages themselves are in folders of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.shell import IO, Args, ShellError, rest
from memsh.textutils.utility import option, utility

if TYPE_CHECKING:
    from memsh.textutils.awk.parser import Program


def _script_text(io: IO, name: str, words: str) -> str:
    """The text of a script's file."""
    if name in ("-", "/dev/stdin"):
        return io.stdin.read()
    files = io.session.files
    assert files is not None
    try:
        return files.open_read(io.session, name).read()
    except OSError as error:
        raise ShellError(words.format(name=name, why=error.strerror or error), 2) from None


_WITH_VALUE = frozenset("FvfeiElLdDop")
_GLUED = frozenset("dDopL")  # take one in the same word only
_FLAGS = frozenset("bcCgIMnNOPrsStVh")


def _exec_file(words: list[str]) -> list[str]:
    """`awk -E FILE …`: as -f, and no options behind it. With a program from -f, an option that is none begins the
    program's own words (gawk's main.c, parse_args)."""
    at, program = 0, False
    while at < len(words):
        word = words[at]
        if word in ("-E", "--exec") and at + 1 < len(words):
            return [*words[:at], "-f", words[at + 1], "--", *words[at + 2 :]]
        if word in ("--", "-") or word[:1] != "-":
            break
        letter = word[1]
        if letter == "-":
            program = program or word.partition("=")[0] in ("--file", "--source", "--include")
            at += 1 + (word in ("--file", "--source", "--include", "--assign", "--field-separator"))
            continue
        if letter not in _WITH_VALUE and letter not in _FLAGS:
            return [*words[:at], "--", *words[at:]] if program else words
        program = program or letter in "fei"
        at += 2 if len(word) == 2 and letter in _WITH_VALUE - _GLUED else 1
    return words


_ALWAYS = "gawk's additions are always understood here"
_AWK = utility(
    option("-F", "--field-separator", type=str, meta="FS", help="fields end at FS"),
    option("-v", "--assign", type=str, meta="NAME=VALUE", many=True, help="set a variable first"),
    option("-f", "--file", type=str, meta="FILE", many=True, help="a file of the program"),
    option("-e", "--source", type=str, meta="TEXT", many=True, help="a part of the program"),
    option("-i", "--include", type=str, meta="FILE", many=True, help="a file of functions"),
    option("-E", "--exec", type=str, meta="FILE", help="a file of the program, and no options behind it"),
    option("-S", "--sandbox", help="no system(), no files, no commands"), option("-V", name="version"),
    option("-N", "--use-lc-numeric"), option("-O", "--optimize"), option("-s", "--no-optimize"),
    option("-r", "--re-interval"), option("-c", "--traditional", lacks=_ALWAYS), option("-P", "--posix", lacks=_ALWAYS),
    option("-b", "--characters-as-bytes", lacks="text is characters here"),
    option("-C", "--copyright", lacks="this is memsh's own awk"),
    option("-d", "--dump-variables", type=str, meta="FILE", optional="awkvars.out",
           help="write the variables down in the end"),
    option("-D", "--debug", type=str, optional="", lacks="there is no debugger here"),
    option("-g", "--gen-pot", lacks="there are no translations here"),
    option("-I", "--trace", lacks="the steps of a program are not shown here"),
    option("-l", "--load", type=str, lacks="there are no libraries to load here"),
    option("-L", "--lint", type=str, optional="", lacks="programs are not looked over here"),
    option("-t", "--lint-old", lacks="programs are not looked over here"),
    option("-M", "--bignum", lacks="numbers are doubles here"),
    option("-n", "--non-decimal-data", lacks="strtonum() reads such numbers"),
    option("-o", "--pretty-print", type=str, optional="", lacks="programs are not written anew here"),
    option("-p", "--profile", type=str, optional="", lacks="programs are not counted through here"),
    rest("words", meta="PROGRAM [FILE", words="path"),
    usage="[POSIX or GNU style options] -f progfile [--] file ...", trouble=2, in_order=True, rewrite=_exec_file,
)  # fmt: skip


@_AWK
def awk(box: object, args: Args, io: IO) -> int:
    """pick, count and add up what is in lines and columns

    awk '/^Normal|^HighMem/ {print $2}' /proc/pagetypeinfo

    PATTERN {ACTION} …, as POSIX has it and gawk: functions, getline, printf, output to files and commands (the box's
    own), regular expressions in RS and FS, gensub, strtonum, strftime, asort, PROCINFO["sorted_in"], switch. Not
    known: @load, arbitrary precision. Infinity is inf, as the standard has it.
    """
    return _awk(args, io)


@_AWK
def gawk(box: object, args: Args, io: IO) -> int:
    """awk under its other name

    gawk 'END {print NR}' /proc/vmstat

    Infinity is +inf, as gawk prints it; all else is the same.
    """
    return _awk(args, io)


class _Sources:
    """The texts that a program is read from."""

    def __init__(self, io: IO) -> None:
        self.io = io
        self.seen: set[str] = set()
        self.odd: set[str] = set()  # escapes in regular expressions that were warned about

    def parsed(self, text: str, where: str) -> Program:
        """A text as a program."""
        from memsh.textutils.awk.lexer import AwkError  # start-up: 5 ms, for awk alone
        from memsh.textutils.awk.parser import Parser  # start-up: the same

        try:
            parser = Parser(text, where, lambda name: self.included(name, True), self.io.check)
            parser.odd = self.odd
            program = parser.program()
        except AwkError as error:
            raise error.by_gawk(text) if self.io.name == "gawk" else error from None
        for warning in parser.warnings:
            self.io.complain(warning)
        return program

    def included(self, name: str, once: bool) -> Program:
        """The program in a file, sought where gawk seeks it; an empty one if it was had before. OSError."""
        from memsh.textutils.awk.parser import Program  # start-up: 5 ms, for awk alone

        if name in ("-", "/dev/stdin"):
            return self.parsed(self.io.stdin.read(), name)
        files, session = self.io.session.files, self.io.session
        assert files is not None
        path = session.language.get("AWKPATH") or ".:/usr/share/awk"
        folders = [""] if "/" in name else [folder.rstrip("/") + "/" for folder in path.split(":") if folder]
        places = [folder + name + ending for folder in folders for ending in ("", ".awk")]
        found = next((place for place in places if files.test(session, "e", place)), name)
        found = found.removeprefix("./")
        if once and found in self.seen:
            return Program([], {}, {})
        self.seen.add(found)
        return self.parsed(files.open_read(session, found).read(), found)


def _awk(args: Args, io: IO) -> int:
    from memsh.textutils.awk.machine import Machine  # start-up: 5 ms, for awk alone
    from memsh.textutils.awk.parser import Program  # start-up: 5 ms, for awk alone

    words: list[str] = list(args.words)
    sources = _Sources(io)
    whole = Program([], {}, {})
    given = [(name, value) for name, value in args.typed if name in ("file", "source", "include")]
    if not any(name != "include" for name, _ in given):
        if not words:
            raise args.refused("")
        given.append(("source", words.pop(0)))
    for name, value in given:
        if name == "source":
            program, where = sources.parsed(value, "cmd. line"), "cmd. line"
        else:
            try:
                program, where = sources.included(value, name == "include"), value
            except OSError as error:
                why = error.strerror or error
                raise ShellError(f"fatal: cannot open source file `{value}' for reading: {why}", 2) from None
        for function in whole.functions.keys() & program.functions:
            raise ShellError(f"{where}:1: error: function name `{function}' previously defined", 1)
        whole.rules.extend(program.rules)
        whole.functions.update(program.functions)
        whole.names.update(program.names)
    machine = Machine(io, whole, [io.name, *words])
    machine.dumped = args.dump_variables
    machine.sandbox, machine.odd = args.sandbox, sources.odd
    if args.field_separator is not None:
        machine.assign("FS=" + args.field_separator)
    for assignment in args.assign:
        if not machine.assign(assignment):
            name, equals, _ = assignment.partition("=")
            if equals:
                raise ShellError(f"fatal: `{name}' is not a legal variable name", 2)
            raise ShellError(f"`{assignment}' argument to `-v' not in `var=value' form", 1)
    return machine.run()


@utility(
    option("-l", "--mathlib", help="scale is 20, and there are s c a l e j"), option("-q", "--quiet"),
    option("-w", "--warn", lacks="GNU's additions are always understood here"),
    option("-s", "--standard", lacks="GNU's additions are always understood here"),
    option("-i", "--interactive", lacks="text is read to its end, then reckoned with"),
    option("-v", name="version", help="its version"),
    rest("files", words="path"), usage="[options] [file ...]",
)  # fmt: skip
def bc(box: object, args: Args, io: IO) -> int:
    """reckon with as many digits as it takes

    echo 'scale=2; 262144/3' | bc

    The whole language: scale, ibase, obase, last, functions with auto and arrays, if, while, for, print, length, sqrt,
    read; with -l sine s, cosine c, arctangent a, logarithm l, exponential e and Bessel's j.
    """
    from memsh.textutils.bc.machine import Machine  # start-up: 2 ms, for bc alone

    machine = Machine(io, args.mathlib)
    for name in args.files:
        try:
            files = io.session.files
            assert files is not None
            text = files.open_read(io.session, name).read()
        except OSError:
            machine.complain(f"File {name} is unavailable.")
            return 1
        if not machine.run(text, name):
            return 0
    machine.run(io.stdin.read(), "(standard_in)")
    return 0


def _number_of(word: str) -> int:
    """A number as C's atoi() reads it."""
    digits = word[: len(word) - len(word.lstrip("0123456789"))]
    return min(int(digits[:18] or 0), 1 << 30)


@utility(
    option("-n", "--quiet", "--silent", name="quiet", help="print only what p prints"),
    option("-E", "-r", "--regexp-extended", help="extended expressions"),
    option("-e", "--expression", type=str, meta="SCRIPT", many=True, help="a part of the script"),
    option("-f", "--file", type=str, meta="FILE", many=True, help="a file of the script"),
    option("-i", "--in-place", type=str, meta="SUFFIX", optional="", help="edit the files themselves"),
    option("-s", "--separate", help="each file on its own"), option("-z", "--null-data", help="lines end in NUL"),
    option("-u", "--unbuffered", help="print at once"),
    option("-l", "--line-length", type=_number_of, meta="N", help="the width of l"),
    option("--sandbox", help="no e, r, w"), option("-b", "--binary"),
    option("--follow-symlinks", help="-i edits what a link leads to"),
    option("--posix", lacks="GNU's additions are always understood here"),
    option("--debug", lacks="the steps of a script cannot be shown here"),
    rest("words", meta="SCRIPT [FILE", words="path"),
    usage="[OPTION]... {script-only-if-no-other-script} [input-file]...", usage_line=True,
)  # fmt: skip
def sed(box: object, args: Args, io: IO) -> int:
    """edit lines

    sed -n 's/^MemFree: *//p' /proc/meminfo

    The whole language: a b c d D e F g G h H i l n N p P q Q r R s t T w W x y z = : { }, every kind of address.
    """
    from memsh.textutils.sed.machine import Machine  # start-up: 2 ms, for sed alone
    from memsh.textutils.sed.script import Script  # start-up: 2 ms, for sed alone

    words: list[str] = list(args.words)
    pieces = [
        (_script_text(io, value, "couldn't open file {name}: {why}").removesuffix("\n"), value)
        if name == "file"
        else (value, "")
        for name, value in args.typed
        if name in ("file", "expression")
    ]
    if not pieces:
        if not words:
            raise args.refused("")
        pieces = [(words.pop(0), "")]
    with io.looking():
        script = Script(pieces, args.regexp_extended, args.sandbox)
    if args.in_place is not None and not words:
        raise ShellError("no input files", 1)
    width = 70 if args.line_length is None else args.line_length
    return Machine(
        io, script, words, args.quiet or script.silent, args.separate, args.in_place, "\0" if args.null_data else "\n",
        width, args.follow_symlinks,
    ).run()  # fmt: skip
