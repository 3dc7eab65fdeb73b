#### the order of an associative array
declare -A m; for k in MemTotal MemFree Buffers Cached Slab Active Dirty a b c 1 2 3; do m[$k]=${#k}; done; echo ${!m[@]}; echo ${m[@]}; for k in "${!m[@]}"; do echo "$k=${m[$k]}"; done
#### its order after taking away and adding
declare -A m=([x]=1 [y]=2 [z]=3); unset 'm[y]'; m[y]=4; m[x]=5; declare -p m; echo "${m[@]:1:2}"
#### many keys
declare -A m; for i in {1..300}; do m[k$i]=$i; done; echo "${!m[@]}" | head -c 300; echo ${#m[@]}
#### a reference
x=1; declare -n r=x; r=2; echo $x ${!r} $r; unset r; echo "[$x]"; declare -n q=a; a=(1 2 3); q[1]=z; echo ${a[@]} ${#q[@]}
#### a reference to an element
a=(x y z); declare -n r='a[1]'; echo $r; r=Q; echo ${a[*]}; i=2; declare -n s='a[$((i))]'; echo $s
#### a bad reference
declare -n r='1x' 2>/dev/null; echo $?; declare -n a=b b=a; echo "[$a]" 2>/dev/null; (a=1) 2>/dev/null; echo $?
#### a reference as an argument
fill() { local -n out=$1; out=(one two); out+=("$2"); }; fill got 'th ree'; printf '<%s>' "${got[@]}"; echo
#### locals listed
f() { local b=2 a=1; local -r c=3; local; }; f; f() { local x=1; local -p x; local -p nosuch 2>/dev/null; echo $?; }; f
#### readonly in eval and on one line
readonly k=1; eval 'k=2' 2>/dev/null; echo $?; (k=3; echo never) 2>/dev/null; echo $?; (set -e; k=4
echo never) 2>/dev/null; echo $?
#### read-only ones of the shell
(UID=5) 2>/dev/null; echo $?; (SHELLOPTS=x) 2>/dev/null; echo $?; echo ${BASH_VERSINFO[0]} ${#BASH_VERSINFO[@]}
#### unset ones that the shell makes
unset HOME IFS; echo "[${HOME-none}]"; x='a b'; set -- $x; echo $#; unset RANDOM; echo "[$RANDOM]"
#### again as a declaration
x='a b'; declare -i n=5; declare -rx e=1; a=(1 'x y'); echo "${x@A}"; echo "${n@A}"; echo "${e@A}"; echo "${a[@]@A}"; echo "${nosuch@A}"
#### attributes
declare -i n; declare -A m; declare -a a; a[0]=1; export e=1; echo "${n@a}" "${m@a}" "${a@a}" "${e@a}" "${a[0]@a}"; r=a; echo ${!r@a}
#### prompts
p='\u \$ \\ \x'; echo "${p@P}"; q='$((1+2)) `echo hi` \101'; echo "${q@P}"
#### letters that become several
x=straße; echo ${x^^} ${x^s} ${x~~} ${x~}
#### names by their beginning
pre_b=1 pre_a=2; IFS=,; echo "${!pre_*}" "${!pre_@}"; for n in "${!pre_@}"; do echo $n; done
#### below the first
a=(1 2 3); echo "[${a[-3]}]" "[${a[-4]}]" 2>/dev/null; echo on
#### an array where there can be none
(a[0]=(3 4); echo never) 2>/dev/null; echo $?; f() { echo "$V ${#V[@]}"; }; V=(x y) f
#### text as an array
declare -a "a=(1 2 'x y')"; echo ${#a[@]} "${a[2]}"; declare "b=(1 2)"; echo "$b"
#### bad substitutions
(echo ${%}; echo never) 2>/dev/null; echo $?; if false; then echo ${x!y}; fi; echo fine; (echo "${a[0][1]}") 2>/dev/null; echo $?
#### loops over what is no name
for 1x in a b; do echo never; done 2>/dev/null; echo $?
#### where functions were called
f() { g; }; g() { echo ${FUNCNAME[@]:0:2}; caller 0 | cut -d' ' -f2; caller 7; echo $?; }; f; caller; echo $?
#### a function as it is kept
f() { local i; if [ -n "$1" ]; then echo "$1" > /dev/null; elif true; then :; else exit; fi; for i in "$@"; do echo $i; done; while read x; do ((n++)); done < /dev/null; case $1 in a|b) echo ab;; *) ;; esac; }; declare -f f; type f | head -n 3
#### functions in each other and other bodies
f() { g() ( cd /; pwd ); [[ -n $1 && ( $2 = x || ! -e y ) ]] || return 1; x=(1 2) y=$(echo hi) sort <<< "a" 2>&1 | head -1 & wait; until false; do break; done; { echo a; echo b; } >> f; }; declare -f f
#### functions that are declared
a() { :; }; b() { :; }; unset -f argv; declare -F; declare -F a; declare -F nosuch; echo $?
#### deep sums
n=0 loop='n<500 ? (n++, loop) : n'; echo $((loop)); (x=y y=x; echo $((x))) 2>/dev/null; echo $?
#### a command in a subscript
a=(1 2 3); unset 'a[$(echo 1)]'; echo ${a[@]} ${!a[@]}
#### letters whose capital is none, or several
declare -u x=ßaé; declare -l y=İAÉ; z=ßaé; w=İAÉ; echo $x $y ${z^^} ${z^} ${w,,} ${z@U} ${w@L}
echo ßaé | sed 's/.*/\U&/'; echo İA | gawk '{print tolower($0), toupper("ßé")}'
#### hash
hash -r; hash; cat /dev/null; cat /dev/null; head -1 /dev/null | wc -l; hash; hash -t cat; hash -l; hash seq; hash | sort; hash -d cat; hash -d cat; echo $?
hash xyzzyq; echo $?; hash -p /x/y z; hash -t z; hash -r; hash; hash -t; echo $?; true; hash; (cat /dev/null; hash); PATH=$PATH; hash
#### which goes by $PATH
which cd; echo $?; which cat; (PATH=/none; /usr/bin/which cat; echo $?); echo 'echo own' > cat; chmod +x cat; PATH=.:$PATH; which cat; which -a xyzzyq; echo $?
