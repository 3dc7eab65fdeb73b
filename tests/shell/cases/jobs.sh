#### waiting for jobs
(exit 3) & wait -n; echo $?; wait -n; echo $?
(until [ -e f ]; do sleep 0.05; done; exit 5) & : & wait -n; echo $?; > f; wait -n; echo $?; wait; echo $?
(exit 7) & p=$!; wait $p; echo $?; wait $p; echo $?; wait 99999; echo $?; wait %1; echo $?; wait abc; echo $?
(exit 4) & (exit 5) & wait; echo $?
true & wait -n -p v; [[ -n $v ]]; echo $?
(exit 2) & wait -f $!; echo $?
#### jobs in words
sleep 5 & p=$!; [[ $(jobs -p) == $p ]]; echo $?; jobs; jobs -r; jobs -s; jobs %1; jobs %9; echo $?
kill $p; wait $p 2>/dev/null; echo $?; jobs
#### jobs with numbers
sleep 5 & [[ $(jobs -l) == "[1]+ "*"$! Running "*"sleep 5 &" ]]; echo $?; kill %1; wait
#### $! is a number
[[ -z $! ]]; echo $?; : & [[ $! == +([0-9]) ]]; echo $?; a=$!; : & b=$!; [[ $a != $b ]]; echo $?; sleep 3 & kill -0 $!; echo $?; kill $!; wait $! 2>/dev/null; echo $?; kill -0 $! 2>/dev/null; echo $?
#### which job is meant
sleep 30 & sleep 40 & sleep 50 & jobs; kill %1 %%; wait %1 %3 2>/dev/null; jobs; jobs %?4; jobs %sleep; kill %-; wait %2 2>/dev/null; echo $?
#### signals to jobs
ready() { until [ -e ready ]; do sleep 0.05; done; }
{ trap 'echo got TERM' TERM; > ready; until [ -e go ]; do sleep 0.05; done; echo on; } & ready; kill $!; > go; wait $!; echo $?
rm ready
{ trap '' TERM; > ready; while true; do sleep 0.05; done; } & ready; kill $!; kill -0 $!; echo $?; kill -9 %1; wait $! 2>/dev/null; echo $?
(exit 3) & p=$!; (sleep 0.05); wait $p; echo $?
#### what has ended is listed once
(exit 3) & sleep 0.1; jobs > f; jobs; cut -c5- f; { sleep 0; echo; } & sleep 0.1; jobs > f; cut -c5- f
sleep 9 & kill %1; sleep 0.1; jobs >/dev/null; wait; jobs
#### jobs as they are printed
while sleep 2; do { :; :; }; done & for i in 1 2; do sleep 2; :; done > f & sleep 2 && : || : & jobs; kill %1 %2 %3; wait
#### the jobs of a script are its own
sleep 9 & echo 'sleep 8 & jobs; kill $!' > s; bash s; (jobs); (sleep 7 & jobs; kill $!); jobs | cat; kill $!; wait
#### a wait in a job
{ sleep 0.1 & wait; echo both; } & wait; echo all; (sleep 0.1 & wait $!; echo $?)
#### a signal to $$ ends sh -c and what it is in
sh -c 'kill -9 $$; echo no'; echo $?; bash -c 'trap "echo bye" EXIT; x=$(kill $$); echo no'; echo $?
bash -c 'trap "echo bye" EXIT; (kill -KILL $$); sleep 1; echo no'; echo $?
bash -c '(sleep 0.1; kill -HUP $$) & sleep 2; echo no'; echo $?
echo 'while :; do kill $$; done' > s; bash s; echo $?; bash -c 'kill -0 $$; echo $?; kill -CONT $$; echo on'
#### $BASHPID of a subshell
[ $BASHPID = $$ ]; echo $?; ([ $BASHPID != $$ ]; echo $?); (kill $BASHPID; echo no); echo $?; (echo $BASHPID > f) & wait; [ $(<f) = $! ]; echo $?; (trap 'echo T' TERM; kill $BASHPID; echo on)
#### a loop that only asks for a job lets it go on
sleep 0.3 & while kill -0 $! 2>/dev/null; do :; done; echo over; (sleep 0.2; > made) & until [ -e made ]; do :; done; echo made
sleep 0.2 & while [ -n "$(jobs -r)" ]; do :; done; echo done
#### signals that a job ignores
{ sleep 0.2; echo on; } & kill -URG $!; kill -CHLD $!; kill -CONT $!; wait $!; echo $?
