#### a loop over a reference
declare -n ref; a=1; b=2; for ref in a b; do echo "$ref ${!ref}"; ref=9; done; echo $a $b; unset -n ref
#### numbers of streams in variables
bar() { exec {v}>foo; [[ $v -ge 10 ]] && echo ok; }; bar; echo foo 1 >&$v; cat foo; exec {v}>&-; exec {w}>&1; exec {z}>&1; [[ $w == $v ]]; echo $?; echo hi >&$w; exec {w}>&- {z}>&-; exec {w}< foo; read -u $w l; echo $l; exec {w}<&-
exec {a[0]}>foo2; echo x >&${a[0]}; cat foo2; exec {a[0]}>&-; { echo in; } {q}>/dev/null; [[ -n $q ]]; echo $?; cat {h}<<E <&$h
doc
E
#### replacements
s1=abcd; s2='?'; s3='\?'; echo ${s1/$s2/xxx} ${s1/$s3/xxx} ${s1/?/z} ${s1/"?"/z} ${s1/\?/z} ${s1/b*/x} ${s1//[bc]/-} ${s1/#a/X} ${s1/%d/Y} ${s1/#/P} ${s1/%/S} ${s1/x/y} ${s1//} ${s1/}
s='a/b/c'; echo ${s//\//x} ${s//'/'/y} "${s//\//z}" ${s/\/b/} ${s////q}; p='a&b'; echo ${s/b/[&]} ${s/b/\&} "${s/b/"&"}" "${s/b/\\&}" ${s/b/$p} "${s/b/$p}"; s='x*y'; echo "${s/\*/S}" "${s/'*'/S}" "${s/*/S}" "${s/[*]/S}"
a=(ab cb); echo ${a[@]/b/X} "${a[@]/#/p}" "${a[*]/%/s}" ${a/b/Y}; set -- ab cb; echo ${@/b/X} "${*//b/Y}"; u=; echo "[${u/x/y}]" "[${u//x/y}]" "[${u/#/y}]" "[${u/%/y}]" "[${u/*/y}]"
v='\'; echo "${v/\\/x}" "${v/'\'/y}"; n=$'a\nb'; echo "${n/$'\n'/_}" "${n/?b/_}"; shopt -s nocasematch; echo ${s1/B/x}; shopt -u nocasematch; shopt -u patsub_replacement; echo ${s1/b/[&]}
#### local, global and for one call
fff() { typeset i=0 x=10; echo "|$i|$x|"; export x; printenv x; }; fff2() { echo "|$x|"; export x; printenv x; }; fff3() { typeset i=0 x="${x-10}"; echo "|$i|$x|"; }; fff4() { typeset i=0 x; x="${x-10}"; echo "|$i|$x|"; }; fff5() { z=y typeset z; echo "|$z|"; }
fff; x=10 fff; x=1 fff; x=4 fff2; x=11 fff3; x=12 fff4
f() { x=in; local y=1; g; echo $x $y; }; g() { y=2; local x=loc; unset x; echo "[${x-unset}]"; x=new; }; x=out; f; echo $x; x=tmp f; echo $x; f2() { unset x; echo "[$x]"; }; x=tmp f2; echo "[$x]"; x=glob; f3() { local x; echo "[${x-u}]"; local x=5; f2; }; f3; f4() { local IFS=:; echo "$*"; }; f4 a b; f5() { local -i n=1+1; local -u s=abc; local -r c=1; local arr=(1 2); echo $n $s ${arr[1]}; }; f5; f6() { declare -g gg=1; local gg=2; declare -g gg=3; echo $gg; }; f6; echo $gg
x=a y=b z=$x$y eval 'echo $x$y$z'; x=a; x=b echo $x; x=b bash -c 'echo $x'; echo $x; x=c :; echo $x; f7() { :; } 2>/dev/null; echo ok
#### arrays by another name
arrayA=(A B C); xx="arrayA[*]"; arrayB=( ${!xx} ); echo ${#arrayB[@]}; arrayB=( "${!xx}" ); echo ${#arrayB[@]}; xx="arrayA[@]"; arrayB=( "${!xx}" ); echo ${#arrayB[@]} "${!xx}"; echo ${!xx:1:1} ${!xx/A/Z} "${#xx}" ${!arr*} "${!arrayA@}"
#### what read takes
printf 'a b  c \n' | { read x y; echo "[$x][$y]"; }; printf 'a\\ b c\n' | { read x y; echo "[$x][$y]"; }; printf 'a\\ b c\n' | { read -r x y; echo "[$x][$y]"; }; printf 'a\\\nb\n' | { read x; echo "[$x]"; }; printf 'abc' | { read x; echo "$? [$x]"; }; printf 'a:b:c' | { IFS=: read -a q; echo ${#q[@]}; }; printf 'abcdef' | { read -n 3 x; read -N 2 y; echo "$x $y"; }; printf 'a,b' | { read -d , x; echo $x; }; printf 'x\0y' | { read -d '' x; echo $x; }; printf '  lead  \n' | { IFS= read -r x; echo "[$x]"; }; printf '  lead  \n' | { read; echo "[$REPLY]"; }; echo | { read x; echo $?; }; : | { read x; echo $?; }; printf '1 2 3\n4 5\n' | while read a b; do echo "$a-$b"; done; read -p prompt x <<< v; echo $x; read a b c <<< 'x  y'; echo "[$c]"; read -t 1 x <<< q; echo $x; read -s x <<< s; echo $x; read -u 3 x 3<<< three; echo $x; read -i d x <<< e 2>/dev/null; echo $?; read 1a <<< x; echo $?; read -a a -r <<< 'p\q r'; echo ${a[0]}; read x y <<< $'a\tb\tc'; echo "$y"
#### getopts in functions
f() { local OPTIND=1 o; while getopts ':ab:c' o "$@"; do echo "$o ${OPTARG-u} $OPTIND"; done; shift $((OPTIND-1)); echo "rest $*"; }; f -a -b x -c y; f -abfoo -- -c; f -x -b; f -ac -bz w; f; f -- -a; f -a - b; while getopts ab o -a -b; do echo $o; done; echo $OPTIND $o; OPTIND=1; getopts a o -z 2>/dev/null; echo "$o[$OPTARG]"; OPTERR=0 getopts a: o -a; echo "$? $o"
