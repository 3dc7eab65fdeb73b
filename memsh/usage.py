"""What `memsh --help` prints."""

USAGE = """\
usage: memsh [OPTION …] [FILE.memsh …]
       memsh [OPTION …] -c 'COMMANDS'
       memsh mount DIR [OPTION …] [FILE.memsh]
       memsh enter [OPTION …] [-- PROGRAM …]
       memsh tour
       memsh lesson [NAME]
       memsh grade [EXERCISE.md [ANSWER.memsh]] [--seed ID] [--json] [--key]
       memsh grade EXERCISE.md FOLDER --csv
       memsh lint FILE.md …
       memsh handout LESSON [-o FILE.html|FILE.md] [-f]
       memsh diagnose [FILE …] [--json]
       memsh capture FILE.tar.gz [--names]

A Linux box to look into: its page frames, slabs, processes and /proc. Without FILE and -c it opens a prompt,
or runs the script on standard input if that is no terminal.

  -c COMMANDS        run COMMANDS and leave with the status of the last one; may be given several times
  -e                 stop at the first failing command
  -x                 print each command before it runs
  --step             wait for a key before each command of a script
  --arch NAME        the machine: i386 with SLAB, or x86_64 with SLUB (i386)
  --ram SIZE         RAM, 32M to 4G; on x86_64 64M to 1T (1G)
  --cpus N           CPUs, 1 to 8; on x86_64 to 64 (1)
  --nodes NODES      x86_64's NUMA nodes: 2 (even), or size and CPUs of each, 4G:0-1,4G:2-3
  --distance N       how far any two of them are from each other (20)
  --swap SIZE        swap space (0)
  --cmdline WORDS    the kernel's command line ('norandmaps'; i386 'norandmaps vmalloc=106488K')
  --seed N           of the addresses that are random without norandmaps (0); grade: of the exercise's variant
  --split-rss        count resident pages a thread at a time, as kernels for four CPUs and more
  --age TIME         let the box live for a while first (0; 30s, 10m, 2h, 1d)
  --from WHAT        start from a machine elsewhere: an OOM report, /proc text, a capture, a recorded folder
  --proc WHAT        no kernel: views and tools read this /proc tree, archive of one, report or pasted text
  --mount DIR        show the box's /proc and /sys at DIR while the prompt is there (memsh mount: without a prompt)
  --allow-other      other users of the host may look at the mount
  --realtime         the box's clock follows the host's (mount, enter and the prompt)
  --write DIR        enter: a folder of the host that stays writable; may be given several times
  --save FILE        enter: write a script that rebuilds the box when the last program has ended
  --page-size SIZE   bytes of a page in that tree (as the tree itself tells)
  --width N          columns to fill (the terminal's, or 80)
  --no-color         no colour, as NO_COLOR in the environment
  --resume [ID]      bring back a session that was left or killed: the last one, or ID
  --config FILE      the prompt's settings (memsh/config in the XDG config folder)
  --write-config     put a commented file of settings there, if there is none, and say where
  --strict           at the prompt too init may die, as on Linux: the kernel panics
  --no-rc            read no settings and no start-up commands
  --history-file F   where the prompt keeps its history
  -V, --version      print the version
  -h, --help         print this
"""
