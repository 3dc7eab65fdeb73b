"""find, stat, cp, du, date, timeout, env and their kin on a box."""

import pytest

from tests.textutils.boxed import boxed

FILES = {"/tmp/find/a.txt": "one\n", "/tmp/find/b.log": "x" * 5000, "/tmp/find/sub/c.txt": ""}


@pytest.mark.parametrize(
    ("line", "printed", "status"),
    [
        ("find /tmp/find -name '*.txt'", "/tmp/find/a.txt\n/tmp/find/sub/c.txt\n", 0),
        ("find /tmp/find -type d", "/tmp/find\n/tmp/find/sub\n", 0),
        ("find /tmp/find -type f -empty", "/tmp/find/sub/c.txt\n", 0),
        ("find /tmp/find -type f ! -empty -printf '%f %s %d %P\\n'", "a.txt 4 1 a.txt\nb.log 5000 1 b.log\n", 0),
        ("find /tmp/find -size +4k", "/tmp/find/b.log\n", 0),
        ("find /tmp/find -size 5000c", "/tmp/find/b.log\n", 0),
        ("find /tmp/find -maxdepth 1 -type f -o -name sub", "/tmp/find/a.txt\n/tmp/find/b.log\n/tmp/find/sub\n", 0),
        ("find /tmp/find -path '*sub*' -name '*.txt'", "/tmp/find/sub/c.txt\n", 0),
        ("find /tmp/find -regex '.*/[ab]\\..*'", "/tmp/find/a.txt\n/tmp/find/b.log\n", 0),
        ("find /tmp/find -regextype posix-extended -regex '.*/(a|c).txt'", "/tmp/find/a.txt\n/tmp/find/sub/c.txt\n", 0),
        ("find /tmp/find -iname 'A*' -exec wc -c {} ';'", "4 /tmp/find/a.txt\n", 0),
        ("find /tmp/find -type f -exec echo {} +", "/tmp/find/a.txt /tmp/find/b.log /tmp/find/sub/c.txt\n", 0),
        ("find /tmp/find -name sub -prune -o -type f -print", "/tmp/find/a.txt\n/tmp/find/b.log\n", 0),
        ("find /tmp/find -mindepth 2", "/tmp/find/sub/c.txt\n", 0),
        ("find /tmp/find -depth -maxdepth 1 -type d", "/tmp/find/sub\n/tmp/find\n", 0),
        ("find /tmp/find -perm 644 -name 'a*'", "/tmp/find/a.txt\n", 0),
        ("cd /tmp/find; find '(' -name a.txt -o -name b.log ')' -print0 | tr '\\0' ,", "./a.txt,./b.log,", 0),
        ("cd /tmp/find; find . -name c.txt; cd /tmp", "./sub/c.txt\n", 0),
        ("find /proc/sys/vm -name swappiness -exec cat {} ';'", "60\n", 0),
        ("find /proc/2 -maxdepth 1 -name exe -type l", "/proc/2/exe\n", 0),
        ("find /nofile", "find: '/nofile': No such file or directory\n", 1),
        ("find /tmp -foo", "find: unknown predicate `-foo'\n", 1),
        ("find /tmp -name", "find: missing argument to `-name'\n", 1),
        ("find /tmp -type z", "find: Unknown argument to -type: z\n", 1),
        ("stat -c '%n %s %a %F %h' /tmp/find/a.txt /proc/meminfo",
         "/tmp/find/a.txt 4 644 regular file 1\n/proc/meminfo 0 444 regular empty file 1\n", 0),
        ("stat -c %N /proc/mounts", "'/proc/mounts' -> 'self/mounts'\n", 0),
        ("cp /tmp/find/a.txt /tmp/find/d; cat /tmp/find/d; rm /tmp/find/d", "one\n", 0),
        ("cp -r /tmp/find /tmp/other; find /tmp/other -type f | wc -l", "3\n", 0),
        ("cp /tmp/find /tmp/x", "cp: -r not specified; omitting directory '/tmp/find'\n", 1),
        ("cp /nofile /tmp/x", "cp: cannot stat '/nofile': No such file or directory\n", 1),
        ("cp /proc/version /tmp/v; cmp=$(cat /proc/version); test \"$cmp\" = \"$(cat /tmp/v)\"", "", 0),
        ("du -b /tmp/find/b.log", "5000\t/tmp/find/b.log\n", 0),
        ("du -k /tmp/find/b.log", "8\t/tmp/find/b.log\n", 0),
        ("date -u -d @0 '+%Y-%m-%d %H:%M:%S'", "1970-01-01 00:00:00\n", 0),
        ("date -d '2024-01-31 12:30' +%s", "1706704200\n", 0),
        ("date -d '2024-01-31 + 1 day' +%F", "2024-02-01\n", 0),
        ("date -d '@86400 2 hours ago' +%H", "date: invalid date '@86400 2 hours ago'\n", 1),
        ("date -I -d @0", "1970-01-01\n", 0),
        ("timeout 5 sleep 1", "", 0),
        ("timeout 5 sleep 10", "", 124),
        ("timeout 2 sh -c 'sleep 1; echo a; sleep 5; echo b'", "a\n", 124),
        ("env A=1 printenv A", "1\n", 0),
        ("sh -c 'x=5; echo $((x + 1)); exit 3'", "6\n", 3),
        ("id -un; id -u; whoami", "root\n0\nroot\n", 0),
        ("nproc", "1\n", 0),
        ("which a.out nothing", "/bin/a.out\n", 1),
        ("cp -r /tmp/find /tmp/gone; find /tmp/gone -delete; ls -d /tmp/gone",
         "ls: cannot access '/tmp/gone': No such file or directory\n", 2),
    ],
)  # fmt: skip
def test_on_a_box(line: str, printed: str, status: int) -> None:
    out, err, ended = boxed(line, FILES)
    assert (out + err, ended) == (printed, status)
