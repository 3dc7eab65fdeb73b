"""awk and sed, as commands: their options and operands. The languages themselves are in folders of their own."""

from __future__ import annotations

from memsh.shell import IO, Args, ShellError, rest
from memsh.textutils.utility import option, utility


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


_AWK = utility(
    option("-F", "--field-separator", type=str, meta="FS", help="fields end at FS"),
    option("-v", "--assign", type=str, meta="NAME=VALUE", many=True, help="set a variable first"),
    option("-f", "--file", type=str, meta="FILE", many=True, help="a file of the program"),
    option("-e", "--source", type=str, meta="TEXT", many=True, help="a part of the program"),
    rest("words", meta="PROGRAM [FILE", words="path"),
    usage="[POSIX or GNU style options] -f progfile [--] file ...", trouble=2, in_order=True,
)  # fmt: skip


@_AWK
def awk(box: object, args: Args, io: IO) -> int:
    """pick, count and add up what is in lines and columns

    awk '/^Normal|^HighMem/ {print $2}' /proc/pagetypeinfo

    PATTERN {ACTION} …, as POSIX has it and gawk: functions, getline, printf, output to files and commands (the box's
    own), regular expressions in RS and FS, gensub, strtonum, strftime, asort, PROCINFO["sorted_in"], switch. Not
    known: |&, @include, @name(), SYMTAB, FUNCTAB, arbitrary precision. Infinity is inf, as the standard has it.
    """
    return _awk(args, io)


@_AWK
def gawk(box: object, args: Args, io: IO) -> int:
    """awk under its other name

    gawk 'END {print NR}' /proc/vmstat

    Infinity is +inf, as gawk prints it; all else is the same.
    """
    return _awk(args, io)


def _awk(args: Args, io: IO) -> int:
    from memsh.textutils.awk.machine import Machine  # start-up: 5 ms, for awk alone
    from memsh.textutils.awk.parser import Parser, Program  # start-up: 5 ms, for awk alone

    words: list[str] = list(args.words)
    pieces = [
        (_script_text(io, value, "fatal: cannot open source file `{name}' for reading: {why}"), value)
        if name == "file"
        else (value, "cmd. line")
        for name, value in args.typed
        if name in ("file", "source")
    ]
    if not pieces:
        if not words:
            raise args.refused("")
        pieces = [(words.pop(0), "cmd. line")]
    whole = Program([], {})
    for text, where in pieces:
        parser = Parser(text, where)
        program = parser.program()
        for warning in parser.warnings:
            io.complain(warning)
        for name in whole.functions.keys() & program.functions:
            raise ShellError(f"{where}:1: function name '{name}' previously defined", 1)
        whole.rules.extend(program.rules)
        whole.functions.update(program.functions)
    machine = Machine(io, whole, [io.name, *words])
    if args.field_separator is not None:
        machine.assign("FS=" + args.field_separator)
    for assignment in args.assign:
        if not machine.assign(assignment):
            raise ShellError(f"fatal: `{assignment}' argument to `-v' not in `var=value' form", 2)
    return machine.run()


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
    script = Script(pieces, args.regexp_extended, args.sandbox)
    if args.in_place is not None and not words:
        raise ShellError("no input files", 1)
    width = 70 if args.line_length is None else args.line_length
    return Machine(
        io, script, words, args.quiet or script.silent, args.separate, args.in_place, "\0" if args.null_data else "\n",
        width, args.follow_symlinks,
    ).run()  # fmt: skip
