#### a coprocess and its streams
coproc cat; echo ${COPROC[@]} ${#COPROC[@]}; [ $COPROC_PID = $! ]; echo $?; echo hello >&${COPROC[1]}; read -u ${COPROC[0]} x; echo $x; jobs
eval "exec ${COPROC[1]}>&-"; echo ${COPROC[@]}; cat <&${COPROC[0]}; wait $COPROC_PID; echo $? "[${COPROC[@]}] [$COPROC_PID]"
coproc A { cat; }; coproc B { cat; }; echo ${A[@]} ${B[@]}; echo 1 >&${A[1]}; read v <&${A[0]}; echo $v; kill $A_PID $B_PID
#### a coprocess with a name
coproc NAME { while read l; do echo "got $l"; done; exit 3; }
echo a >&${NAME[1]}; echo b >&"${NAME[1]}"; read x <&${NAME[0]}; read y <&${NAME[0]}; echo $x $y
(echo sub >&${NAME[1]}); echo $?; echo p | { cat >&${NAME[1]}; }; echo $?; x=$(echo inn >&${NAME[1]}); echo $?; cat >&${NAME[1]} <<< ext
read z <&${NAME[0]}; echo $z; read z <&${NAME[0]}; echo $z; { echo grp; } >&${NAME[1]}; read z <&${NAME[0]}; echo $z
p=$!; exec {NAME[1]}>&-; read z <&${NAME[0]}; echo $?; wait $p; echo $?; declare -p NAME NAME_PID; echo $?
n=NM; coproc $n (tr a-z A-Z); echo abc >&${NM[1]}; exec {NM[1]}>&-; read z <&${NM[0]}; echo $z; wait; echo $?
#### what a coprocess may be
coproc ls /nonexistent 2>/dev/null; wait $!; echo $?; coproc true; wait; echo $? ${#COPROC[@]}; coproc 1x { :; } ; echo $?
coproc Y { read a; echo "r $a"; }; echo q >&${Y[1]}; read v <&${Y[0]}; echo $v; wait
f() { coproc Z { cat; }; echo in >&${Z[1]}; read v <&${Z[0]}; echo $v; exec {Z[1]}>&-; wait; }; f; declare -f f
coproc C while read l; do echo ">$l"; done; echo ${#C[@]}; echo t >&${C[1]}; read v <&${C[0]}; echo $v; exec {C[1]}>&-; wait
coproc { cat; } > f; echo hi >&${COPROC[1]}; eval "exec ${COPROC[1]}>&-"; wait; cat f
g() { coproc cat; coproc X cat x; coproc (cat; echo) ; coproc X (cat) > f; coproc Y if true; then cat; fi; }; declare -f g
(coproc U { cat; }; echo su >&${U[1]}; read v <&${U[0]}; echo $v); (readonly R=3; coproc R { cat; }; echo $?; kill $!)
coproc nosuchcmd 2>/dev/null; wait $!; echo $?; coproc T { kill -9 $BASHPID; }; wait $!; echo $?
