"""Text commands against what the GNU programs print for the same input."""

import subprocess

import pytest

from memsh.commands.procdir import DirReader
from tests.paths import REFERENCE
from tests.shell.harness import run

TREE = REFERENCE / "captures" / "256M-1cpu" / "s2"
SAME = r"""
grep Normal buddyinfo
grep -v Normal buddyinfo
grep -c DMA zoneinfo
grep -n -i mem meminfo
grep -E '^(Mem|Swap)' meminfo
grep -o '[0-9]\{6,\}' meminfo
grep -w high zoneinfo
grep -A1 MemFree meminfo
grep -B1 -n MemFree meminfo
grep -F '(file)' meminfo vmstat
grep -h pgfault vmstat
grep -q pgfault vmstat
grep -x 'nothing' vmstat
grep -m2 nr_ vmstat
grep -C1 Dirty meminfo
grep '^nr_.*anon$' vmstat
grep -l Mem meminfo vmstat
grep 'a\|b' filesystems
grep '[[:digit:]]$' swaps
grep -e Mem -i meminfo
head -3 meminfo
head -n -40 meminfo
head -c 20 meminfo
head -n 1 meminfo vmstat
tail -2 meminfo
tail -n +42 meminfo
tail -c 10 meminfo
wc -l meminfo
cat meminfo | wc
wc -c < meminfo
wc -L meminfo
sort vmstat
sort -r vmstat | head
sort -k2 -n vmstat
sort -k2nr,2 vmstat | head -4
sort -t: -k2 meminfo
cut -d: -f1 meminfo
cut -d' ' -f2- vmstat
cut -c1-4,8 meminfo
cut -f2 -d, buddyinfo
tr -s ' ' < buddyinfo
tr a-z A-Z < swaps
tr -d '\n' < swaps
tr '[:lower:]' '[:upper:]' < swaps
tr -cd '0-9\n' < vmstat
cut -c1-2 vmstat | uniq -c
cut -c1-2 vmstat | sort | uniq -d
seq 5
seq 2 2 9
seq 5 -2 1
seq -w 8 11
seq 1 0.5 3
seq -s, 3
printf '%5d|%-5s|%x|%%\n' 42 ab 255
printf '%s\n' a b c
printf '%03d %c\n' 7 xyz 8 y
echo a b   c
echo -n x
echo -e 'a\tb\n'
echo -n -e 'a\c' b
sed -n 2,3p meminfo
sed 's/kB/KB/' meminfo
sed 's/ //g' buddyinfo
sed -n '/^Mem/p' meminfo
sed 1d swaps
sed '$d' swaps
sed -E 's/([a-z]+)_([a-z]+)/\2_\1/' vmstat
sed -n '/Dirty/,/Mapped/p' meminfo
sed 2q vmstat
sed 's/o/0/2' swaps
sed -e '/nr_/!d' vmstat
sed -n '$=' vmstat
sed 's|/|-|g;s/-/+/' filesystems
awk '{print $2}' meminfo
awk '/^Mem/ {print $1, $2/1024}' meminfo
awk 'NR==2' meminfo
awk -F: '{print $1}' meminfo
awk '{s += $2} END {print s, NR}' meminfo
awk '$2 > 1000000' meminfo
awk 'END {print NR}' vmstat
awk '{print NF ": " $NF}' buddyinfo
awk '{printf "%-10s %8.1f\n", $1, $2/3}' meminfo
awk 'NR>1 && $2 != 0 {n++} END {print n+0}' slabinfo
awk '/Dirty/,/Mapped/' meminfo
awk -v k=1024 '$1 ~ /^Swap/ {print $2*k}' meminfo
awk '{print length($1), substr($1, 2, 3), toupper($1)}' swaps
seq 3 | xargs
seq 3 | xargs -n 1 echo a
seq 2 | xargs -I {} echo x{}y
seq 3 | tee /dev/null | tail -1
test 3 -gt 2 && echo y
[ a = b ] || echo n
[ -z '' -a 1 = 1 ] && echo e
[ ! -e nothing ] && echo none
[ -f meminfo ] && echo f
[ -d 1 ] && echo d
true; echo $?
false; echo $?
cat -n swaps
cat -A swaps
cat swaps filesystems
cat < swaps
yes abc | head -2
echo 'a b' | (cat; echo c)
""".strip().splitlines()


@pytest.mark.parametrize("line", SAME)
def test_as_the_real_programs(line: str) -> None:
    plain = {"LC_ALL": "C", "PATH": "/usr/bin:/bin"}
    real = subprocess.run(["bash", "-c", line], cwd=TREE, capture_output=True, text=True, env=plain, check=False)
    out, _, status = run(line, reader=DirReader(TREE))
    assert (out, status) == (real.stdout, real.returncode)


def test_wc_and_cmp_take_what_is_longer_than_a_line_may_be() -> None:
    assert run("head -c 17M /dev/zero | wc -lwc; head -c 17M /dev/zero | cmp -n 16900k - /dev/zero; echo $?") == (
        "      0       0 17825792\n0\n", "", 0,
    )  # fmt: skip
