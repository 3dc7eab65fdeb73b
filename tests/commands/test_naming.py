"""mkdir, rmdir, rm, mv and ln: what they leave on the box's disk and what they say, as GNU's do."""

import subprocess
from pathlib import Path

import pytest

from memsh.inspect.check import check
from tests.commands.typed import Typed

# each line starts in an empty directory; where it is printed as {here}
LINES = """
n=$(printf 'é%.0s' {1..127}); mkdir $n; echo $?; mkdir ${n}xy 2> /dev/null; echo $?; ls | wc -l
mkdir a a/b; mkdir a; mkdir -p a/b/c/d a; mkdir -v -m 700 e; find . | sort; stat -c %A e
mkdir none/below; mkdir; mkdir -p f/g; echo > f/h; mkdir -p f/h/i; rmdir f; rmdir -p f/g; rmdir none
mkdir -p p/q/r; rmdir -pv p/q/r; ls; mkdir -p p/q; rmdir --ignore-fail-on-non-empty p; ls p
echo one > a; rm a; rm a; rm -f a; rm; rm -f; echo $?; mkdir d; rm d; rm -d d; ls
mkdir -p t/u/v; echo y > t/u/v/y; rm -rv t; ls; rm -r none; rm -r .
echo one > a; mv a b; cat b; mv a c; mkdir d; mv b d; ls d; mv d/b d/c .; ls -R; mv -v b e
echo 1 > a; echo 2 > b; mv -n a b; cat a b; mv a b; cat b; mv b b; mkdir d e; mv d e; mv e e/d; ls -R
mkdir d; echo f > f; mv -T d f; mv -T f d; mkdir e d/x; mv -T e d; rm -r d/x; mv -T e d; ls
mv a; mv; mv a b nodir; mv -t none a; cp a; mkdir d; echo x > y; mv -vt d y; ls d
ln -s a b; cat b; echo one > a; cat b; readlink b; echo two >> b; cat a; rm b; ls
ln -s a a; cat a; ls -F; ln -s x a; ln -sf y a; readlink a; ln -sv z q; mkdir d; ln -s .. d/up; ls d/up
echo hi > f; mkdir d; ln -s ../f d; cat d/f; ln -sr f d/g; readlink d/g; readlink -f d/g | grep -o 'f$'; rm -r d; cat f
mkdir d; ln -s d e; echo x > e/y; cat d/y; mkdir e/z; ls e/; cd e; ls; rm -r z; ls; cd ..; rmdir e; rm e; ls d
ln -s nowhere l; test -e l; echo $?; test -L l; echo $?; echo made > l; cat nowhere; mv l m; readlink m; ls
ln -s a/b/c ''; ln nothing here; ln -s; ln; echo x > f; ln -s f g; cp g h; ls -F; [ g -ef f ] && echo same
mkdir d; ln -s d e; ln -s x e; ls d; ln -sfn y e; readlink e; find . -type l | sort
""".strip().splitlines()  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_as_the_real_ones(tmp_path: Path, line: str) -> None:
    real = subprocess.run(["bash", "-c", f"exec 2>&1; {line}"], cwd=tmp_path, capture_output=True, text=True,
                          env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}, check=False)  # fmt: skip
    terminal = Typed("--ram", "64M")
    terminal("mkdir /tmp/here; cd /tmp/here")
    assert terminal(line) == real.stdout
    assert check(terminal.session.box) == []


def test_links_lead_anywhere() -> None:
    """Into /proc and out of it, to programs, as the target of what writes; the disk keeps them by undo."""
    said = Typed("--ram", "64M")
    assert said("ln -s /proc/sys/vm/swappiness /tmp/knob; echo 7 > /tmp/knob; sysctl -n vm.swappiness") == "7\n"
    assert said("ln -s /bin/a.out /tmp/p; run /tmp/p").startswith("p runs as process ")
    assert said("ln -s /dev/null /tmp/n; echo gone > /tmp/n; cat /tmp/n; ls -l /tmp/n | wc -l") == "1\n"
    assert said("ln -s self/../1 /tmp/rel; ls /tmp/rel") == "/tmp/rel\n"
    assert said("undo; ls -F /tmp").endswith("\nknob@\nn@\np@\n")
    assert said("rm /proc/1/comm; mkdir /proc/x; rmdir /proc; mv /etc/hosts /proc/hosts; ln -s a /sys/x; rm -rf /") == (
        "rm: cannot remove '/proc/1/comm': Operation not permitted\n"
        "mkdir: cannot create directory '/proc/x': No such file or directory\n"
        "rmdir: failed to remove '/proc': Device or resource busy\n"
        "mv: cannot create regular file '/proc/hosts': No such file or directory\n"
        "ln: failed to create symbolic link '/sys/x': Operation not permitted\n"
        "rm: it is dangerous to operate recursively on '/'\n"
        "rm: use --no-preserve-root to override this failsafe\n"
    )


def test_names_in_the_kernels_own_trees_as_the_kernel_refuses_them() -> None:
    """Asked of both kernels: who makes the names there, and what a look-up of one that is not there says."""
    said = Typed("--ram", "64M")
    for line, why in (
        ("touch /proc/zz", "touch: cannot touch '/proc/zz': No such file or directory"),
        ("touch /proc/sys/zz", "touch: cannot touch '/proc/sys/zz': No such file or directory"),
        ("touch /sys/zz", "touch: cannot touch '/sys/zz': Permission denied"),
        ("touch /sys/nope/zz", "touch: cannot touch '/sys/nope/zz': No such file or directory"),
        ("touch /sys/kernel/uevent_seqnum/zz", "touch: cannot touch '/sys/kernel/uevent_seqnum/zz': Not a directory"),
        ("mkdir /sys/zz", "mkdir: cannot create directory '/sys/zz': Operation not permitted"),
        ("mkdir /sys/nope/zz", "mkdir: cannot create directory '/sys/nope/zz': No such file or directory"),
        ("ln -s a /sys/nope/zz", "ln: failed to create symbolic link '/sys/nope/zz': No such file or directory"),
        ("ln -s a /proc/zz", "ln: failed to create symbolic link '/proc/zz': No such file or directory"),
        ("ln -s a /sys/zz", "ln: failed to create symbolic link '/sys/zz': Operation not permitted"),
        ("rm /proc/sys/vm/swappiness", "rm: cannot remove '/proc/sys/vm/swappiness': Permission denied"),
        ("rmdir /proc/sys/vm", "rmdir: failed to remove '/proc/sys/vm': Permission denied"),
        ("rmdir /proc/sys", "rmdir: failed to remove '/proc/sys': Operation not permitted"),
        ("mv /proc/meminfo /proc/zz", "mv: cannot move '/proc/meminfo' to '/proc/zz': No such file or directory"),
        ("cp -r /etc /proc/zz", "cp: cannot create directory '/proc/zz': No such file or directory"),
        ("echo 1 > /tmp/a; mv /tmp/a /proc/sys/vm/swappiness", "mv: inter-device move failed: '/tmp/a' to "
         "'/proc/sys/vm/swappiness'; unable to remove target: Permission denied"),
    ):  # fmt: skip
        assert said(line) == f"{why}\n"
    line = "mv /proc/version /tmp/v; cmp /tmp/v /proc/version; cat /tmp/a; find /proc/sys/vm/swappiness -delete"
    assert said(line) == (
        "mv: cannot remove '/proc/version': Operation not permitted\n1\n"
        "find: cannot delete '/proc/sys/vm/swappiness': Permission denied\n"
    )


def test_the_program_of_a_process_is_not_written() -> None:
    """ETXTBSY while one runs it, however it is opened; what has been put in its place is no program."""
    typed = Typed("--ram", "64M")
    for line, said in (
        ("echo x > /bin/a.out", "memsh: /bin/a.out: Text file busy\n"),
        ("echo x >> /proc/self/exe", "memsh: /proc/self/exe: Text file busy\n"),
        ("truncate -s 4 /bin/a.out", "truncate: failed to truncate '/bin/a.out' at 4 bytes: Text file busy\n"),
        ("dd if=/dev/zero of=/bin/a.out count=1", "dd: failed to open '/bin/a.out': Text file busy\n"),
        ("rm /bin/a.out; echo x > /bin/a.out; run a.out", "run: Exec format error\n"),
        ("stress --vm 1 --vm-bytes 1M -t 1", "stress: Exec format error\n"),
    ):
        assert typed(line) == said
    assert check(typed.session.box) == []


def test_disks_have_numbers_of_their_own() -> None:
    """What is dirty of one is still known when another has been written back."""
    typed = Typed("--ram", "64M")
    typed("echo x | tee /dev/vda /dev/vdb > /dev/null; sync /dev/vda; echo y | tee /dev/vdb > /dev/null; sync /dev/vda")
    assert check(typed.session.box) == []


def test_pipes_and_devices_move_to_another_file_system_as_what_they_are() -> None:
    typed = Typed("--ram", "64M")
    typed("mkdir /m; mount -t tmpfs none /m; mkfifo /m/p; chmod 640 /m/p; mknod -m 600 /m/n c 1 5; mv /m/p /m/n /")
    assert typed("stat -c '%n %F %a %t,%T' /p /n") == "/p fifo 640 0,0\n/n character special file 600 1,5\n"
    assert typed("ls /m; head -c 2 /n | xxd -p; umount /m; ls /m") == "0000\n"
    assert typed("check").startswith("ok")
