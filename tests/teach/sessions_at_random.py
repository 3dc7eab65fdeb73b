"""Sessions at random for the test of the four ways: on the box, the language, the journal, files and jobs."""

from __future__ import annotations

from hypothesis import strategies as st

LINES = """\
malloc {size}
p=$(malloc {size})
p=$(mmap {size} rw); write $p {small}
touch $p {small}
free $p
p=$(realloc ${{p:-0}} {size})
calloc {small} 4; free $
k=$(kmalloc {small})
kfree $k
kzalloc {small} GFP_ATOMIC
q=$(alloc_pages {order}); free_pages $q {order}
q=$(alloc_pages {order})
v=$(vmalloc {size})
vfree $v
kmem_cache create c{n} {small}
o=$(kmem_cache alloc c{n})
kmem_cache free c{n} $o
kmem_cache destroy c{n}
kmem_cache shrink dentry
fork
fork; switch $
switch 53
switch 1
as 53 malloc 100
kill -9 $(pgrep -n a.out)
kill -STOP 54
wait
_exit {n}
run a.out
exec a.out-dyn
mprotect $p 4k r
madvise $p 4k dontneed
mlock $p 4k
munmap $p {small}
mremap $p 4k {size} maymove
sbrk {small}
stack 64k
poke $p "text {n}"
hexdump $p 32 > /tmp/h
read $p {small}
stress --vm 1 --vm-bytes {size} -t 1s
sleep {n}
sleep 0.00{n}
age {n}s
plain on
plain off
drain_all_pages
sysctl -w vm.swappiness={n}
sysctl -w vm.min_free_kbytes=2000
sysctl -w kernel.threads-max=1{n}0
echo {n} > /proc/self/oom_score_adj
echo 1 > /proc/self/clear_refs
echo 3 > /proc/sys/vm/drop_caches
echo 1 > /proc/sys/vm/compact_memory
echo t > /proc/sysrq-trigger
trace on
trace off
dmesg -C
split_rss on
split_rss off
taskset -cp 0 53
mkfile /f{n} {size}
cat /f{n} > /dev/null
echo "line {n}" >> /t{n}
cp /t{n} /tmp/u; mv /tmp/u /t{m}
rm -f /t{n}
truncate -s {small} /f{n}
dd if=/dev/zero of=/f{n} bs=4k count={n} conv=fsync
sync
mkswap /f{n}; swapon /f{n}
swapoff -a
mmap {small} r private --file /f{n}
exec 3> /t{n}; echo hello >&3
exec 3>&-
cat < /t{n} | wc -c > /tmp/w
x={n}; y=$((x * {m}))
x=$RANDOM
a=(1 2 $x); a[7]={n}; unset "a[1]"
declare -A h; h[k{n}]=$x
f() {{ local z=$1; malloc $((z + 10)); return {n}; }}; f {small}
f 5 || y=$?
alias ma='malloc {n}'; ma
set -- a b {n}; shift; x=$1
cd /tmp; cd -
read -r x y < /t{n}
for i in 1 2 {n}; do malloc $((i * 100)); done
i=0; while [ $i -lt {n} ]; do kmalloc 64; i=$((i + 1)); done
if grep -q MemFree /proc/meminfo; then malloc 10; else malloc 20; fi
x=$(grep -c . /proc/slabinfo); n=$(free -k | awk '/Mem/ {{print $4}}')
(malloc 50; x=inside); echo $x > /t{n}
{{ malloc 60; x=grouped; }}
case $x in {n}) malloc 1;; *) malloc 2;; esac
eval "malloc {n}; y=e"
printf -v x '%05d' {n}; x=${{x#0}}
cat > /t{n} <<< "here {n}"
trap 'y=left' USR1
set -u; set +u
echo ${{nothing:?not there}}
$((1 / 0))
malloc nonsense
nosuchcommand
(sleep {n}; malloc 7k; echo done >> /t{m}) &
sleep {n} & sleep 1
kill %1
jobs > /t{n}
wait
snapshot s{n}
restore s{n}
undo
undo 2
redo
redo 3
reset
reset --ram {ram}
p=$(history)
diff /proc/meminfo > /t{n}
x=$(diff /proc/buddyinfo | wc -l)
explain malloc {small}
explain -n malloc 1k
compare 'malloc 1M' 'kmalloc 64' > /t{n}
stopped {n}0 'while true; do malloc 100; done'
stopped {n} 'sleep 5 & malloc 1; sleep 10'
display cat /proc/buddyinfo
undisplay
delta on
delta off
vmstat 1 2
free -s 1 -c 2
top -b -n 2 -d 1 > /dev/null
watch -n 1 --count 2 malloc 10
slabtop -o | head -3 > /t{n}
time malloc 3
strace malloc 3 2> /t{n}
xargs -n 1 malloc <<< "{n} {m}"
y=$(undo)
for i in 1 2; do undo; done
true && snapshot inner
ps aux | sort | tail -{n} > /t{n}
find / -name 't*' | xargs cat > /dev/null
smaps=$(cat /proc/self/smaps | md5sum)
ulimit -v 100000; malloc 1M; ulimit -v unlimited
umask 077
heap > /dev/null; account > /dev/null; check > /dev/null
echo 'malloc 9; undo; x=sourced' > /tmp/s{n}; source /tmp/s{n}
source /tmp/s{n} | cat
touch $p {small}
p=$(mmap {size} rw); touch $p {size}
p=$(mmap {size} rw shared); write $p {small}
fork; as $ malloc {small}
fork; as $ _exit 3; wait; x=$?
time sleep {n}
date > /t{n}
echo "$_" > /t{n}; x=$_
x=$!; y=$?
x="$(jobs; dirs; pwd)"
pushd /tmp; popd
history > /t{n}
x=$(explain malloc 64 | wc -l)
explain; x=5
x=$(explain -b | wc -l); trap 'explain -b' ERR; malloc nonsense; trap - ERR
explain free $p > /t{n}
source /nothere
echo 'for i in 1 2; do malloc 10; done; undo; x=s{n}' > /tmp/a{n}
source /tmp/a{n}
source /tmp/a{m}; kmalloc 64
if true; then source /tmp/a{n}; fi
. /tmp/a{n} && malloc 3
trap 'malloc 6' EXIT; (trap 'malloc 7' EXIT)
trap 'y=dbg' DEBUG; x=1; trap - DEBUG
trap 'y=err' ERR; false; trap - ERR
set -e; true; set +e
set -o pipefail; false | true; x=$?; set +o pipefail
shopt -s nullglob; echo /zz* ; shopt -u nullglob
g() {{ g{n} 2>/dev/null; malloc {n}; }}; g; unset -f g
select x in a b; do break; done < /t{n}
while read -r l; do malloc 5; x=$l; done < /t{n}
cat /proc/kmsg | head -1 > /dev/null
cat /sys/kernel/tracing/trace_pipe | head -2 > /t{n}
echo 'kmem:kmalloc' > /sys/kernel/tracing/set_event
echo 1 > /sys/kernel/tracing/tracing_on; kmalloc 64
echo 0 > /sys/kernel/tracing/tracing_on
mkdir /d{n}; cd /d{n}; echo x > f; cd /
ln -s /t{n} /l{n}; cat /l{n} > /dev/null
chmod 600 /t{n}; umask 077
rm -rf /d{n}
tee /t{n} /t{m} < /proc/meminfo > /dev/null
sort /t{n} -o /t{n}
split -l 1 /t{n} /sp
exec 4< /t{n}; read -r x <&4
read -r x <&4
exec 4<&-
exec 5>&1; echo hi >&5; exec 5>&-
renice 5 53; chrt -p 53
echo 100 > /proc/53/timer_slack_ns
echo abc > /proc/53/comm
prlimit --pid 53 --nofile=100
ulimit -n 50
sysctl vm.drop_caches=1
sysctl -w kernel.hostname=h{n}
echo 200 > /proc/sys/vm/vfs_cache_pressure
echo m > /proc/sysrq-trigger
mkdir /sys/fs/cgroup/c{n}
echo 53 > /sys/fs/cgroup/c{n}/cgroup.procs
echo 20M > /sys/fs/cgroup/c{n}/memory.max
cat /sys/fs/cgroup/c{n}/memory.current > /t{n}
rmdir /sys/fs/cgroup/c{n}
echo always > /sys/kernel/mm/transparent_hugepage/enabled
echo 2 > /proc/sys/vm/nr_hugepages
swapoff -a; swapon -a
fallocate -l 300k /sw; mkswap /sw; swapon /sw
watch -n 1 --count 2 'malloc 10 | cat'
display grep MemFree /proc/meminfo; kmalloc 64; undisplay
stopped 3{n} 'for i in $(seq 100); do malloc 10; history > /t{n}; done'
stopped 2{n} 'p=$(history); malloc 5k; diff /proc/meminfo; malloc 6k'
(sleep 2; malloc 1k; sleep 2; malloc 2k) & sleep 1; undo
(while sleep 1; do kmalloc 64; done) & sleep 3
kill %1; wait
undo 2; redo; undo
snapshot a; malloc 5; restore a; undo
reset --cpus 2; fork
compare 'undo' 'malloc 5' | tee /t{n}
x=$(compare 'fork' 'malloc 5' | wc -l)
diff /t{n} /t{m} > /t{n}
diff /proc/vmstat | head -3 > /t{n}
$(echo undo)
u=undo; $u
alias uu='undo; malloc 5'; uu
xargs -I@ echo @ < /t{n} > /t{m}
printf '\\033[1m%s\\0x' {n} > /t{n}
x=$(printf 'a\\tb\\nc')
echo $'\\x80\\xff' > /t{n}; x=$(cat /t{n})
y="it's {n}"; z='"quoted"'; malloc $(( ${{#y}} ))
x=$(cat /t{n}); malloc 4
declare -r ro{n}=5; ro{n}=6; readonly
local q=4
export E{n}=v; env > /t{n}
getopts ab: o -a -b {n}; x=$OPTIND
let x+={n}; ((y=x*2))
mapfile -t arr < /t{n}; unset arr
[[ $x =~ ([0-9]+) ]] && y=${{BASH_REMATCH[1]}}
sleep 0.5; vmstat -s > /t{n}
free; top -b -n1 > /t{n}
kmalloc 64 ; ; malloc 5
malloc 5 # comment {n}
malloc 5; exit_not_there; malloc 6
mprotect 0 4k r
write 0 1
exec 6<> /t{n}; echo six >&6; read -r x <&6
exec 3> /t{n}; {{ echo a >&3; exec 3>&-; }} > /t{m}
e() {{ exec 5> /t$1; echo e$1 >&5; }}; e {n} > /t{m}; echo f >&5
echo 'exec 3>> /t{n}; echo src >&3' > /tmp/x{n}; . /tmp/x{n}; echo on >&3
exec 4< <(seq {n}); read -r x <&4
(exec 3> /t{n}; sleep {n}; echo late >&3) & echo soon >&3
exec {{fd}}> /t{n}; echo $fd >&$fd
exec {{fd}}>&-
mkdir -p /sys/fs/cgroup/c{n}/d; echo +memory > /sys/fs/cgroup/c{n}/cgroup.subtree_control
echo '+memory +pids +cpuset' > /sys/fs/cgroup/cgroup.subtree_control
echo 1 > /sys/fs/cgroup/c{n}/cgroup.freeze
echo {n} > /sys/fs/cgroup/c{n}/pids.max; fork
echo 3M > /sys/fs/cgroup/c{n}/memory.high; touch $p {small}
echo 0 > /sys/fs/cgroup/c{n}/cpuset.cpus
echo $$ > /sys/fs/cgroup/c{n}/cgroup.procs
echo 1 > /sys/fs/cgroup/c{n}/cgroup.kill
numactl --membind=0 malloc {size}
numactl --interleave=all malloc {size}
set_mempolicy interleave 0; p=$(mmap {size} rw); touch $p {small}; set_mempolicy default
mbind $p {small} bind 0
migratepages 53 0 0
echo {n} > /proc/sys/vm/nr_hugepages; h=$(mmap 4M rw hugetlb) && touch $h 4M
echo 0 > /proc/sys/vm/nr_hugepages
p=$(mmap 8M rw); madvise $p 8M hugepage; touch $p 4M
madvise $p 4M collapse
echo never > /sys/kernel/mm/transparent_hugepage/enabled
fact() {{ local n=$1; ((n < 2)) && return 1; fact $((n - 1)); x=$((x + n)); }}; x=0; fact {n}
declare -n ref=x; ref={n}; unset -n ref
declare -i num=5; num+={n}; declare -u up=abc{n}
a+=(x{n} y); a=("${{a[@]:1}}"); x=${{#a[@]}}; y="${{!a[*]}}"
declare -A h; h[k{n}]=v; h[z]=w; unset "h[k{m}]"; x="${{!h[*]}}"
mapfile -t lines < <(seq {n}); x=${{lines[-1]}}
while sleep {n}; do malloc 1k; done & sleep {m}
sleep {n} & wait -n; x=$?
sleep {n} & x=$!; kill $x; wait $x; y=$?
jobs -p > /t{n}; x=$(jobs | wc -l)
fg
disown
trap 'malloc 8; z=usr' USR1; kill -USR1 $$
trap 'echo done >> /t{n}' RETURN; f 3; trap - RETURN
coproc cat
echo {n} >&${{COPROC[1]}}; read x <&${{COPROC[0]}}
mkfifo /p{n}; {{ read y < /p{n}; malloc 8; }} & echo {m} > /p{n}
exec 5<>/p{n}; echo {m} >&5; read x <&5
thread; malloc 1k; switch 53
vfork; malloc 5; _exit
memfd m{n} 1M
shmget {n} 100k; y=$(shmat $)
mkdir /ram; mount -t tmpfs -o size=1M ram /ram; seq 99 > /ram/f
umount /ram
openfile /t{n}; read -r x < /t{n}
mlockall current; munlockall
prlimit --as=20000000; malloc {size}; prlimit --as=unlimited
process_vm_readv 53 $p $p 100
stopped 1{n} 'v=$(vmalloc 20M); vfree $v'
stopped {n} 'exec 3> /t{n}; echo x >&3; malloc 5; echo y >&3; malloc 6'
heard 'x=$?; malloc $?' {n} 4 word 0 1
time {{ malloc 5; sleep 1; }}
set -e; f 5 || true; set +e
source /tmp/s{n} > /t{m}
if source /tmp/a{n}; then malloc 7; fi > /t{m}
echo 'return {n}; malloc 1' > /tmp/r{n}; . /tmp/r{n}; x=$?
. /tmp/x{n} | cat
printf '%s\\n' a b > /t{n}; IFS=: read -r x y <<< "a:b:{n}"
x=${{x:-$(malloc 5)}}; y=${{x/0/$(kmalloc 64)}}
(trap 'malloc 5' EXIT; exit {n}); x=$?
set -o noclobber; echo x > /t{n}; set +o noclobber
chroot / true
as 1 true; as 53 sleep 1
sync; echo 1 > /proc/sys/vm/drop_caches; cat /f{n} > /dev/null
swapoff -a & sleep 1
echo 1 > /sys/kernel/mm/ksm/run; sleep {n}
p=$(mmap 256k rw); fill $p 4k; madvise $p 256k mergeable; sleep {n}
sleep 9 & disown
declare -n r=a; r[{n}]=4; unset -n r
nice -n {n} malloc 9; renice {n} 53; chrt -f -p {n} 53
chmem -d 128M; lsmem > /t{n}
echo 'hist:keys=call_site' > /sys/kernel/tracing/events/kmem/kmalloc/trigger; kmalloc 64
select x in a b; do malloc 5; break; done <<< {n}
losetup -f --show /f{n}; dd if=/dev/urandom of=/dev/loop0 bs=512 count=1; losetup -d /dev/loop0
echo x > /bin/a.out; cp /t{n} /bin/a.out-dyn; run a.out-dyn
echo {n} | tee /sys/kernel/mm/*/* /proc/sys/vm/[a-m]* > /dev/null
kill -STOP $(pgrep -n a.out); sleep 1; kill -CONT $(pgrep -n a.out)
""".splitlines()


def _filled(line: str, n: int, m: int, order: int, size: str, small: str, ram: str) -> str:
    return line.format(n=n, m=m, order=order, size=size, small=small, ram=ram)


FIGURES = st.integers(1, 9)
LINE = st.builds(
    _filled, st.sampled_from(LINES), FIGURES, FIGURES, st.integers(0, 4),
    st.sampled_from(("5k", "40k", "150k", "1M", "6M")), st.sampled_from(("8", "64", "700", "4k", "9k")),
    st.sampled_from(("64M", "96M")),
)  # fmt: skip
SESSIONS = st.lists(LINE, min_size=1, max_size=25)
