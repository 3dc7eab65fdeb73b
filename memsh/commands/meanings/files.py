"""What each figure of a /proc file or of a tool's screen means: one `name|meaning` a line, in the file's own order."""

MEMINFO = """
MemTotal|RAM that the buddy system was given: all of it less the kernel image, the memory map and other reservations
MemFree|free pages in the buddy lists; pages on per-CPU lists are not among them
MemAvailable|an estimate of what programs can get without swapping: free pages, and what cache and slab can give back
Buffers|page cache of block devices: file-system metadata
Cached|page cache of files, and tmpfs; without Buffers and SwapCached
SwapCached|pages in memory that also have a place in swap
Active|Active(anon) + Active(file): used of late
Inactive|Inactive(anon) + Inactive(file): reclaim looks here first
Active(anon)|anonymous pages and tmpfs in use
Inactive(anon)|anonymous pages and tmpfs that have not been used of late; new ones begin here
Active(file)|page cache that was used more than once
Inactive(file)|page cache used once
Unevictable|pages that reclaim may not take
Mlocked|pages locked by mlock
HighTotal|RAM above the kernel's direct map (zone HighMem)
HighFree|of it, free
LowTotal|RAM in the kernel's direct map (zones DMA and Normal)
LowFree|of it, free
SwapTotal|swap space
SwapFree|of it, unused
Dirty|pages that wait to be written to disk
Writeback|pages being written
AnonPages|anonymous pages mapped by processes: heaps, stacks, private data
Mapped|file pages that are mapped by processes
Shmem|tmpfs and shared memory; counted in Cached too
KReclaimable|SReclaimable and other kernel memory that can be given back
Slab|SReclaimable + SUnreclaim
SReclaimable|slab caches that can shrink: dentries, inodes
SUnreclaim|all other slab caches
KernelStack|kernel stacks
PageTables|page tables of processes
SecPageTables|page tables of virtual machines
NFS_Unstable|always 0, kept for old readers
Bounce|bounce buffers
WritebackTmp|pages being written by FUSE
CommitLimit|what Committed_AS may reach when vm.overcommit_memory is 2
Committed_AS|memory promised to processes: what would be needed if all used all that they asked for
VmallocTotal|the size of the vmalloc area
VmallocUsed|pages that vmalloc handed out
VmallocChunk|always 0, kept for old readers
Percpu|memory of per-CPU variables
DirectMap4k|the kernel's direct map in pages of 4 kB
DirectMap4M|the same in pages of 4 MB
"""

SLABINFO = """
name|the cache
<active_objs>|objects in use; those that wait in per-CPU arrays count as used
<num_objs>|objects that its slabs hold, used or not
<objsize>|bytes of one object, alignment included
<objperslab>|objects in one slab
<pagesperslab>|pages of one slab: a power of two
<limit>|objects that this CPU's array may hold
<batchcount>|objects moved at a time between array and slabs
<sharedfactor>|size of the array that the CPUs share, in batches; 0 with one CPU
<active_slabs>|slabs with an object in use
<num_slabs>|slabs
<sharedavail>|objects in the shared array
"""

SLABINFO_1 = """
name|the cache
<active_objs>|objects in use
<num_objs>|objects that its slabs hold, used or not
<objsize>|bytes of one object
<active_slabs>|slabs with an object in use
<num_slabs>|slabs
<pagesperslab>|pages of one slab
"""

VMALLOCINFO = """
range|addresses of the area
size|bytes of address space, a guard page included
caller|who asked for it: function + offset / length
pages|pages allocated for it
phys|the physical address that it maps
ioremap|it maps a device
vmalloc|its pages come from vmalloc
vmap|it maps pages that were there already
user|it may be mapped into a process
vpages|the list of its pages lies in the vmalloc area too
N|pages on this memory node
dma-coherent|it is shared with a device
vm_map_ram|it was made by vm_map_ram
unpurged|freed; still in the page tables until the next flush
vm_area|(see unpurged)
"""

MAPS = """
range|first address, and the one behind the last
perms|r read, w write, x execute; p private (copy-on-write) or s shared
offset|where in the file it begins, in bytes (hex)
dev|the file's device, major:minor; 00:00 for memory without a file
inode|the file's number on that device; 0 for memory without a file
path|the file, or what it is: [heap], [stack], [vdso], [vvar]; empty for other anonymous memory
"""

SMAPS = """
Size|address space of the area
KernelPageSize|the size of its pages
MMUPageSize|the size of page that the processor uses for it
Rss|of it, in memory now
Pss|the fair share: each page divided by the number of processes that map it
Pss_Dirty|the fair share of what was written
Pss_Anon|the fair share of anonymous pages
Pss_File|the fair share of file pages
Pss_Shmem|the fair share of shared memory
Shared_Clean|pages that others map too, not written
Shared_Dirty|pages that others map too, written
Private_Clean|pages of this process alone, not written: they can be dropped
Private_Dirty|pages of this process alone, written: what it would give back if it ended
Referenced|pages marked as used
Anonymous|pages that belong to no file: also private copies of file pages
LazyFree|pages given up by madvise(MADV_FREE) and not taken yet
AnonHugePages|huge pages of anonymous memory
ShmemPmdMapped|huge pages of shared memory
FilePmdMapped|huge pages of files
Shared_Hugetlb|pages of hugetlbfs that others map too
Private_Hugetlb|pages of hugetlbfs of this process alone
Swap|of it, in swap
SwapPss|the fair share of that
Locked|of it, locked by mlock
ProtectionKey|the protection key of its pages
THPeligible|1: it may get transparent huge pages
VmFlags|the area's flags
"""

VMFLAGS = """
rd|readable
wr|writable
ex|executable
sh|shared
mr|may be made readable
mw|may be made writable
me|may be made executable
ms|may be shared
gd|grows down (a stack)
pf|maps frames without struct page
lo|locked in memory
io|memory of a device
sr|read from front to back (madvise)
rr|read at random (madvise)
dc|not copied at fork
de|cannot be extended
lf|locked when touched
ac|counted in Committed_AS
nr|no swap is reserved for it
ht|hugetlbfs
sf|a page fault may be synchronous
ar|an architecture's own flag
wf|emptied at fork
dd|left out of core dumps
sd|written since the last clear_refs (soft dirty)
mm|mixes frames with and without struct page
hg|huge pages wanted
nh|huge pages not wanted
mg|may be merged (KSM)
um|watched by userfaultfd
uw|write-protected by userfaultfd
ui|minor faults go to userfaultfd
"""

STAT = """
cpu|all CPUs together, ticks of 1/100 s since boot
cpuN|the same for one CPU
intr|interrupts since boot: the sum, then one number for each interrupt line
ctxt|context switches since boot
btime|when it booted, in seconds since 1970
processes|processes and threads made since boot
procs_running|processes that run or could run
procs_blocked|processes that wait for a disk
softirq|soft interrupts: the sum, then HI, TIMER, NET_TX, NET_RX, BLOCK, IRQ_POLL, TASKLET, SCHED, HRTIMER, RCU
"""

CPU = ("user", "nice (user, low priority)", "system", "idle", "iowait (idle, a disk is waited for)", "irq",
       "softirq", "steal (taken by the host)", "guest", "guest_nice")  # fmt: skip
SOFTIRQ = ("sum", "HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU")

PID_STAT = """
pid|the process
comm|its name, at most 15 characters
state|R running, S sleeping, D waiting for a disk, T stopped, Z zombie, I idle kernel thread
ppid|its parent
pgrp|its process group
session|its session
tty_nr|its terminal, 0 for none
tpgid|the terminal's foreground group, -1 for none
flags|the kernel's PF_ flags
minflt|page faults that needed no disk
cminflt|those of children that were waited for
majflt|page faults that waited for a disk
cmajflt|those of children that were waited for
utime|ticks (1/100 s) in the program
stime|ticks in the kernel
cutime|utime of children that were waited for
cstime|stime of children that were waited for
priority|what the scheduler uses: 20 + nice, negative for real-time
nice|from -20, first, to 19
num_threads|threads
itrealvalue|always 0
starttime|when it began, in ticks after boot
vsize|its address space, in bytes
rss|its memory, in pages
rsslim|the limit on that, in bytes; all bits set is none
startcode|where its code begins
endcode|where its code ends
startstack|where its stack began
kstkesp|stack pointer; 0 while it lives
kstkeip|instruction pointer; 0 while it lives
signal|pending signals
blocked|blocked signals
sigignore|ignored signals
sigcatch|caught signals
wchan|1 if it waits in the kernel
nswap|always 0
cnswap|always 0
exit_signal|what its parent gets when it ends: 17, SIGCHLD
processor|the CPU that it ran on last
rt_priority|real-time priority, 0 for none
policy|how it is scheduled: 0 normal
delayacct_blkio_ticks|ticks that it waited for disks
guest_time|ticks that it ran a virtual CPU
cguest_time|those of its children
start_data|where its data begins
end_data|where its data and bss end
start_brk|where its heap begins
arg_start|where its arguments begin
arg_end|where they end
env_start|where its environment begins
env_end|where it ends
exit_code|its status, as wait sees it
"""

STATM = """
size|address space, in pages
resident|of it in memory, in pages
shared|of that, pages of files and shared memory
text|pages of code
lib|always 0
data|pages of data and stack
dt|always 0
"""

STATUS = """
Name|the process's name, at most 15 characters
Umask|permissions that new files do not get (octal)
State|R running, S sleeping, D waiting for a disk, T stopped, Z zombie, I idle kernel thread
Tgid|the process: its threads share this number
Ngid|NUMA group, 0 for none
Pid|the thread
PPid|its parent
TracerPid|who traces it, 0 for nobody
Uid|real, effective, saved and file-system user
Gid|real, effective, saved and file-system group
FDSize|places for open files
Groups|further groups
NStgid|Tgid in its PID namespaces
NSpid|Pid in its PID namespaces
NSpgid|process group in its PID namespaces
NSsid|session in its PID namespaces
VmPeak|the largest address space that it had
VmSize|its address space
VmLck|locked by mlock
VmPin|pinned: may not even move
VmHWM|the most memory that it had (high-water mark)
VmRSS|its memory now: RssAnon + RssFile + RssShmem
RssAnon|of it anonymous
RssFile|of it pages of files
RssShmem|of it shared memory and tmpfs
VmData|private writable address space
VmStk|address space of the stack
VmExe|address space of the program's code
VmLib|address space of the libraries' code
VmPTE|page tables
HugetlbPages|pages of hugetlbfs that it maps
VmSwap|anonymous memory in swap
CoreDumping|1 while a core is written
THP_enabled|1: it may get transparent huge pages
Threads|threads
SigQ|queued signals / the limit
SigPnd|pending signals of the thread (a bit each, hex)
ShdPnd|pending signals of the process
SigBlk|blocked signals
SigIgn|ignored signals
SigCgt|caught signals
CapInh|capabilities that survive exec
CapPrm|capabilities that it may use
CapEff|capabilities in use
CapBnd|capabilities that it could ever have
CapAmb|capabilities that plain programs inherit
NoNewPrivs|1: exec gives no more rights
Seccomp|0 free, 1 strict, 2 filtered
Seccomp_filters|filters in force
Speculation_Store_Bypass|what is done against that attack
SpeculationIndirectBranch|what is done against that attack
Cpus_allowed|CPUs that it may run on (a bit each, hex)
Cpus_allowed_list|the same as a list
Mems_allowed|memory nodes that it may use
Mems_allowed_list|the same as a list
voluntary_ctxt_switches|times that it gave the CPU up to wait
nonvoluntary_ctxt_switches|times that the CPU was taken from it
"""

SWAPS = """
Filename|the device or file
Type|partition or file
Size|kB, without the header page
Used|kB in use
Priority|the highest is filled first; those not given count down from -2
"""

LOADAVG = """
1 min|processes that ran or waited for a disk, averaged over 1 minute
5 min|the same over 5 minutes
15 min|the same over 15 minutes
running/threads|threads that could run / all threads
last pid|the number given last
"""

UPTIME = """
up|seconds since boot
idle|seconds that the CPUs were idle, all together
"""

FREE = """
Mem:|RAM
Low:|RAM in the kernel's direct map
High:|RAM above it
Swap:|swap space
Total:|RAM and swap
Comm:|the commit limit, what is promised (Committed_AS), and the difference
total|MemTotal; SwapTotal
used|total less available (Mem), total less free (Swap)
free|MemFree: in the buddy lists
shared|Shmem: tmpfs and shared memory
buff/cache|Buffers + Cached + SReclaimable
buffers|page cache of block devices
cache|Cached + SReclaimable
available|MemAvailable: what programs can get without swapping
"""

TOOL_VMSTAT = """
r|processes that run or could run
b|processes that wait for a disk
swpd|swap in use, KiB
free|MemFree, KiB
buff|Buffers, KiB
cache|Cached + SReclaimable, KiB
inact|inactive memory, KiB (-a)
active|active memory, KiB (-a)
si|KiB a second read from swap
so|KiB a second written to swap
bi|KiB a second read from disks
bo|KiB a second written to disks
in|interrupts a second
cs|context switches a second
us|percent of the time in programs
sy|percent in the kernel
id|percent idle
wa|percent idle while a disk was waited for
st|percent taken by the host
gu|percent running virtual CPUs (-w)
"""

TOOL_SLABTOP = """
OBJS|objects that the slabs hold
ACTIVE|of them in use; those in per-CPU arrays count as used
USE|ACTIVE in percent of OBJS
OBJ SIZE|one object, KiB
SLABS|slabs
OBJ/SLAB|objects in a slab
CACHE SIZE|SLABS times pages of a slab
NAME|the cache
"""

TOOL_TOP = """
PID|the process
USER|whose it is
PR|priority: 20 + nice, rt for real-time
NI|nice
VIRT|address space, KiB (m, g: MiB, GiB)
RES|memory, KiB
SHR|of it pages of files and shared memory, KiB
S|state: R running, S sleeping, D disk, T stopped, Z zombie, I idle kernel thread
%CPU|CPU time since the last screen
%MEM|RES in percent of MemTotal
TIME+|CPU time in all, minutes:seconds.hundredths
COMMAND|its name
"""

TOOL_PMAP = """
Address|where the area begins
Kbytes|its address space
RSS|of it in memory
Dirty|of that written
Mode|r, w, x; s for shared
Mapping|the file, [ anon ] or [ stack ]
"""

TOOL_PS = """
USER|whose it is
PID|the process
%CPU|CPU time over its whole life
%MEM|RSS in percent of MemTotal
VSZ|address space, KiB
RSS|memory, KiB
TTY|its terminal
STAT|state, then < high or N low priority, L locked pages, s session leader, l threads, + foreground
START|when it began
TIME|CPU time, minutes:seconds
COMMAND|its command line; [name] for a kernel thread
"""
