"""Who is logged in: nobody ever is, as no process of a box has a terminal (GNU coreutils 9.1: src/who.c, users.c,
groups.c, logname.c, hostid.c)."""

from __future__ import annotations

from memsh.shell import IO, Args, ShellError, rest
from memsh.textutils.quoting import quote
from memsh.textutils.utility import option, utility

TOPIC = "tools"


@utility(rest("users"), topic=TOPIC, usage="[OPTION]... [USERNAME]...")
def groups(box: object, args: Args, io: IO) -> int:
    """the groups that one is in: root

    groups
    """
    status = 0
    for user in args.users:
        if user == "root":
            io.out("root : root\n")
        else:
            io.complain(f"{quote(user)}: no such user")
            status = 1
    if not args.users:
        io.out("root\n")
    return status


@utility(rest("words"), topic=TOPIC, usage="[OPTION]")
def logname(box: object, args: Args, io: IO) -> None:
    """the name that one has logged in by: nobody has

    logname || id -un
    """
    if args.words:
        raise args.refused(f"extra operand {quote(args.words[0])}")
    raise ShellError("no login name")


@utility(rest("files", words="path"), topic=TOPIC, usage="[OPTION]... [FILE]")
def users(box: object, args: Args, io: IO) -> None:
    """who is logged in: nobody

    users
    """
    if len(args.files) > 1:
        raise args.refused(f"extra operand {quote(args.files[1])}")


@utility(
    option("-a", "--all"), option("-b", "--boot"), option("-d", "--dead"), option("-H", "--heading"), option("--ips"),
    option("-l", "--login"), option("--lookup"), option("-m", name="am_i"), option("-p", "--process"),
    option("-q", "--count", help="how many"), option("-r", "--runlevel"), option("-s", "--short"),
    option("-t", "--time"), option("-T", "-w", "--mesg", "--message", "--writable", name="mesg"),
    option("-u", "--users"), rest("words", meta="FILE | am i"), topic=TOPIC, usage="[OPTION]... [ FILE | ARG1 ARG2 ]",
)  # fmt: skip
def who(box: object, args: Args, io: IO) -> None:
    """who is logged in: nobody

    who -H
    """
    if len(args.words) > 2:
        raise args.refused(f"extra operand {quote(args.words[2])}")
    if args.count:
        io.out("\n# users=0\n")
    elif args.heading:
        idle = args.all or args.dead or args.login or args.runlevel or args.users
        columns = ["NAME      " if args.all or args.mesg else "NAME    ", "LINE        ", "TIME        "]
        columns += ["IDLE  "] * idle
        columns += ["       PID"] * (idle or args.boot or args.process or args.time)
        io.out(" ".join([*columns, "COMMENT"]) + "  EXIT" * (args.all or args.dead) + "\n")
