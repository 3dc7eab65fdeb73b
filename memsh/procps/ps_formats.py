"""ps's formats of several columns, its short names, and whose a column is (procps-ng 4.0.2, src/ps/output.c)."""

EMPTY = """context:CONTEXT:31:left label:LABEL:31:left zone:ZONE:31:left lsession:SESSION:11:left lxc:LXC:8:left
 machine:MACHINE:31:left ouid:OWNER:5:left seat:SEAT:11:left unit:UNIT:31:left uunit:UUNIT:31:left
 supgid:SUPGID:20:unlimited supgrp:SUPGRP:40:unlimited acflag:ACFLG:5 acflg:ACFLG:5 argc:ARGC:4 bnd:BND:1
 cmaj_flt:-:1 cmin_flt:-:1 cnswap:-:1 cpu:CPU:3 ctid:CTID:5 cursig:CURSIG:6 cutime:-:1 cwd:CWD:3:left
 emul:EMUL:13:left end_code:E_CODE:8 environ:ENVIRONMENT:11:unlimited inblk:INBLK:5 inblock:INBLK:5 jid:JID:1
 jobc:JOBC:4 ktrace:KTRACE:8 ktracep:KTRACEP:8 login:LOGNAME:8:left logname:LOGNAME:8:left luser:LUSER:8:user
 m_dt:DT:4 m_lrs:LRS:5 m_resident:RES:5 m_share:SHRD:5 m_swap:SWAP:5 msgrcv:MSGRCV:6 msgsnd:MSGSND:6
 mwchan:MWCHAN:6:wchan nivcsw:IVCSW:5 nsignals:NSIGS:5 nsigs:NSIGS:5 nswap:NSWAP:5 nvcsw:VCSW:5 osz:SZ:2
 oublk:OUBLK:5 oublock:OUBLK:5 p_ru:P_RU:6 paddr:PADDR:6 poip:-:1 prmgrp:PRMGRP:12 prmid:PRMID:12
 project:PROJECT:12:left projid:PROJID:5 pset:PSET:4 psxpri:PPR:3 re:RE:3 resident:RES:5 rlink:RLINK:8 scnt:SCNT:4
 scount:SC:4 share:-:1 sl:SL:3 start_code:S_CODE:8 status:STATUS:6 systime:SYSTEM:6 taskid:TASKID:5:pid tdev:TDEV:4
 tmout:TMOUT:5 tsess:TSESS:5:pid tsession:TSESS:5:pid tsid:TSID:5:pid u_procp:UPROCP:6 umask:UMASK:5 upr:UPR:3
 uprocp:UPROCP:8 usertime:USER:4 usrpri:UPR:3 utime:UTIME:6 vm_data:DATA:5 vm_exe:EXE:5 vm_lib:LIB:5 vm_lock:LCK:3
 vm_stack:STACK:5 xstat:XSTAT:5 zoneid:ZONEID:31"""
"""Columns of other systems, which show `-`: name, heading, width, kind."""
_PROCESS = """%mem argc args cgname cgroup cmd comm command drs dsiz emul end_code environ exe fname jid longtname
 m_drs m_dt m_lrs m_resident m_share m_size m_swap m_trs nlwp osz pgid pgrp pid pmem ppid prmgrp
 prmid project projid pss resident rss rssize rsz sess session sgi_rss share sid size stackp
 start_code start_stack supgid supgrp sz tgid thcount tname tpgid trs trss tsess tsession tsid tsiz
 tt tty tty4 tty8 ucmd ucomm uss vm_data vm_exe vm_lib vm_lock vm_stack vsize vsz"""
_THREAD = """blocked bnd caught class cls cpuid eip esp ignored intpri lastcpu lwp mwchan ni nice nwchan oom oomadj opri
 policy pri pri_api pri_bar pri_baz pri_foo priority pset psr psxpri rbytes rchars rops rtprio s sched sgi_p sig_block
 sig_catch sig_ignore sigcatch sigignore sigmask spid stat state taskid tid upr usrpri wbytes wcbytes wchan wchars
 wname wops"""
OF_PROCESS, OF_THREAD = frozenset(_PROCESS.split()), frozenset(_THREAD.split())
"""With m, a thread's line shows `-` for what is the process's, and the process's line for what is each thread's."""
AIX = {
    "C": ("pcpu", "%CPU"), "G": ("group", "GROUP"), "P": ("ppid", "PPID"), "U": ("user", "USER"),
    "a": ("args", "COMMAND"), "c": ("comm", "COMMAND"), "g": ("rgroup", "RGROUP"), "n": ("nice", "NI"),
    "p": ("pid", "PID"), "r": ("pgid", "PGID"), "t": ("etime", "ELAPSED"), "u": ("ruser", "RUSER"),
    "x": ("time", "TIME"), "y": ("tty", "TTY"), "z": ("vsz", "VSZ"),
}  # fmt: skip
"""The columns that AIX's %p, %c and so on name."""

MACROS = {
    "OL_X": "pid,start_stack,esp,eip,timeout,alarm,stat,tname,bsdtime,args",
    "OL_j": "ppid,pid,pgid,sid,tname,tpgid,stat,uid,bsdtime,args",
    "OL_l": "flags,uid,pid,ppid,priority,nice,vsz,rss,wchan,stat,tname,bsdtime,args",
    "OL_s": "uid,pid,pending,sig_block,sig_ignore,caught,stat,tname,bsdtime,args",
    "OL_u": "user,pid,pcpu,pmem,vsz,rss,tname,stat,start_time,bsdtime,args",
    "OL_v": "pid,tname,stat,bsdtime,maj_flt,m_trs,m_drs,rss,pmem,args",
    "DFMT": "pid,tname,state,cputime,cmd",
    "F5FMT": "uname,pid,ppid,c,start,tname,time,cmd",
    "FB_j": "user,pid,ppid,pgid,sess,jobc,stat,tt,time,command",
    "FB_l": "uid,pid,ppid,cpu,pri,nice,vsz,rss,wchan,stat,tt,time,command",
    "FB_u": "user,pid,pcpu,pmem,vsz,rss,tt,stat,start,time,command",
    "FB_v": "pid,stat,time,sl,re,pagein,vsz,rss,lim,tsiz,pcpu,pmem,command",
    "FL5FMT": "f,state,uid,pid,ppid,pcpu,pri,nice,rss,wchan,start,time,command",
    "J390": "pid,sid,pgrp,tname,atime,args",
    "JFMT": "user,pid,ppid,pgid,sess,jobc,state,tname,cputime,command",
    "L5FMT": "f,state,uid,pid,ppid,c,pri,nice,addr,sz,wchan,tt,time,ucmd",
    "LFMT": "uid,pid,ppid,cp,pri,nice,vsz,rss,wchan,state,tname,cputime,command",
    "OL_m": "pid,tname,majflt,minflt,m_trs,m_drs,m_size,m_swap,rss,m_share,vm_lib,m_dt,args",
    "RD_f": "uid,pid,ppid,start_time,tname,bsdtime,args",
    "RD_j": "pid,tname,state,bsdtime,pgid,sid,comm",
    "RD_l": "flags,state,uid,pid,ppid,priority,nice,wchan,tname,bsdtime,comm",
    "RUSAGE": "minflt,majflt,nswap,inblock,oublock,msgsnd,msgrcv,nsigs,nvcsw,nivcsw",
    "SCHED": "user,pcpu,pri,usrpri,nice,psxpri,psr,policy,pset",
    "SFMT": "uid,pid,cursig,sig,sigmask,sigignore,sigcatch,stat,tname,command",
    "THREAD": "user,pcpu,pri,scnt,wchan,usertime,systime",
    "UFMT": "uname,pid,pcpu,pmem,vsz,rss,tt,state,start,time,command",
    "VFMT": "pid,tt,state,time,sl,pagein,vsz,rss,pcpu,pmem,command",
}
"""Formats of several columns."""
SHORT_SORT = {
    "C": "pcpu", "G": "tpgid", "M": "maj_flt", "P": "ppid", "T": "start_time", "U": "uid", "c": "cmd", "f": "flags",
    "g": "pgrp", "m": "min_flt", "o": "session", "p": "pid", "r": "rss", "s": "size", "t": "tty", "u": "user",
    "v": "vsize", "y": "priority",
}  # fmt: skip
"""The one-letter sort keys of `O`."""
