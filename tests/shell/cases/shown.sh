#### commands
exec 2>&1; set -x; a=1; echo "a b" 'c' $a; b=(1 "2 3"); a+=2; export c=d; true && false || :
#### loops and choices
exec 2>&1; set -x; for i in 1 2; do :; done; for ((i=0;i<1;i++)); do :; done; case $i in 1) :;; esac; [[ $i = 1 && -n x ]]; (( i + 1 ))
#### deeper
exec 2>&1; set -x; x=$(echo $(echo in)); eval 'echo e'; f() { echo "$1"; }; f g; (echo sub)
#### the prompt
exec 2>&1; PS4='<$n> '; n=1; set -x; n=2; echo hi
#### a prompt that is wrong
PS4='$((1/0)) '; set -x; echo on; set +x; echo $?
#### quotes
exec 2>&1; set -x; echo '' "it's" $'t\tn\n' \' '~' 'a=b' '{}' é $'\001'
#### the lines themselves
exec 2>&1; set -v
echo a
for i in 1; do
echo $i
done
#### only reading
echo a; bash -n -c 'echo never'; set -n
echo never
#### time
{ time sleep 0; } 2>&1 | cut -f1; { time -p true; } 2>&1 | cut -d' ' -f1; TIMEFORMAT=%%; { time { echo a; echo b; }; } 2>&1; ! time false; echo $?; time true | cat; set -o pipefail; { time false | true; } 2>/dev/null; echo $?
#### aliases as the text is read
shopt -s expand_aliases
alias say='echo said ' name='bob' loop='for i in' open='{'
say name x
loop 1 2; do echo $i; done
open echo a; }
say name | cat; say || :
alias say=echo; unalias name
say name
#### aliases in each other
shopt -s expand_aliases
alias a='b 1' b='echo b' echo='echo +'
a 2
alias f='g() { echo in g; }'
f
g
#### redirections
echo one > f; echo two >& g; f=h; echo three >&$f; cat g h; exec {n}> i; echo $((n>=10)); echo x >&$n; exec {n}>&-; cat i; { echo y >&$m; } {m}> j; cat j
#### read and written
printf 'abc\ndef\n' > f; exec 5<> f; read l <&5; echo $l; echo XY >&5; exec 5>&-; cat f
#### callbacks of mapfile
printf '%s\n' a b c d e | { mapfile -t -C 'echo at' -c 2 x; echo ${x[@]}; }; mapfile -t -d : y <<< 'p:q'; echo ${#y[@]}
#### failing redirections and -e
(set -e; { echo never; } < nosuch; echo never) 2>/dev/null; echo $?; (set -e; [[ a = a ]] > /; echo never) 2>/dev/null; echo $?; : > /dev/null 2> /; echo on
#### getopts again
set -- -a; while getopts ab o; do echo $o; done; set --; getopts a o; echo $? $OPTIND; getopts a 1bad -a 2>/dev/null; echo $?
#### braces
echo {+1..3} {Z..a} ~{,x} {a~,~/x}; HOME=/h; echo {~,b}/c; echo ${x:-{a,b}}
#### jobs
{ exit 6; } & wait $!; echo $?; (exit 2) & (exit 3) & wait; echo $?
#### NUL bytes through a substitution that is a file
touch 'a b' c; while IFS= read -r -d '' f; do echo "[$f]"; done < <(find . -type f -print0 | sort -z); cat <(printf 'q\0r') | od -An -c; mapfile -t -d '' z < <(printf '1\0002\000'); echo ${#z[@]} "${z[1]}"; y=$(printf 'a\n\0' 2>/dev/null); echo ${#y}
#### octal letters of printf
printf '\101\0101\1012 \\101 %d\n' 5 | od -An -c; printf '%b|' '\0101' '\101' '\0377' | od -An -c
#### BASH_XTRACEFD
exec 7> f; BASH_XTRACEFD=7; set -x; echo a; { echo b; } 2>/dev/null; set +x; cat f
#### printf: integers with flags, a width and a precision
for k in d u o x X; do for f in '' - 0 + ' ' '#' '#0' -0; do for w in '' 8 .0 .3 8.3; do printf "%$f$w$k|" 0 8 255 -3; done; done; echo; done
