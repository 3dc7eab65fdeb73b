#### a signal to the shell itself
trap 'echo heard' USR1; kill -USR1 $$; echo on; trap - USR1; trap -p USR1; echo $?
#### by number and with SIG
trap 'echo hup' 1; trap 'echo usr2' SIGUSR2; trap; kill -HUP $$; kill -s USR2 $$
#### an ignored signal
trap '' TERM; kill $$; echo still here; trap
#### the status that a trap sees and leaves
trap 'echo saw $?; false' USR1; (exit 7); kill -USR1 $$; echo then $?
#### before each command
trap 'echo "<$BASH_COMMAND>"' DEBUG; a=1; echo $a; for i in x y; do echo $i; done; ((a++)); [[ $a = 2 ]]
#### before each part of a C loop
trap 'echo "<$BASH_COMMAND>"' DEBUG; for ((i=0;i<2;i++)); do echo $i; done
#### a function does not hear of DEBUG
trap 'echo "<$BASH_COMMAND>"' DEBUG; f() { echo in; echo f; }; f; set -T; f
#### when a function returns
f() { trap 'echo returned $?' RETURN; (exit 3); }; f; echo out; f
#### errors in functions
f() { false; echo after; }; trap 'echo ERR' ERR; f; set -E; f
#### with -e and EXIT
set -e; trap 'echo leaving $?' EXIT; trap 'echo failed $?' ERR; f() { return 4; }; f; echo never
#### in a subshell
trap 'echo parent' EXIT; (trap 'echo child' EXIT; echo in); (echo none); x=$(trap); echo "$x"
#### what is no signal
trap 'echo x' NOSUCH 2>/dev/null; echo $?; trap 'echo x' 2>/dev/null; echo $?; trap - NOSUCH 2>/dev/null; echo $?
#### the list
trap -l | head -n 3
#### PIPESTATUS in a trap
trap 'echo ${PIPESTATUS[*]}' ERR; true | false; (exit 5); echo ${PIPESTATUS[*]}
#### leaving from a trap
trap 'echo t; exit 9' USR1; kill -USR1 $$; echo never
#### nested
trap 'echo outer; eval "trap \"echo inner\" EXIT"' EXIT; echo body
