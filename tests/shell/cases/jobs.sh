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
