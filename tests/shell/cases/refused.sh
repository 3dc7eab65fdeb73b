#### special builtins of POSIX
bash -c 'set -o posix
set -o invalid_ || echo spared
set -o invalid_; echo no'; echo $?; bash -c 'set -o posix; : > /nonexistent/x; echo no'; echo $?; bash -c 'set -o posix
eval "("; echo no'; echo $?; bash -c 'set -o posix
readonly a=1; a=2 :; echo no'; echo $?; bash -c 'set -o posix
eval() { :; }; echo no'; echo $?; bash -c 'eval() { echo mine; }; eval x; set -o posix; eval "echo own"; b=2 readonly c=3; printenv b'
#### names that no function can have
f$x() { :; }; echo $?
'g'() { :; }; echo $?; g; echo $?; function h$x { :; }; echo $?
bash -c 'echo a(b)'; echo $?; bash -c 'a[5'; echo $?
#### the inside of [[ ]]
[[ !('') ]]; echo $?; shopt -s extglob
[[ !('') ]]; echo $?; HOME='^a$'; [[ $HOME =~ ~ ]]; echo $?; [[ 'a;b' =~ a(;|&)b ]]; echo $?
[[ x =~ $((1/0)) ]]; echo no
[[ '<' =~ (<|>) ]]; echo $?; [ 9223372036854775808 -gt 1 ]; echo $?
#### expansions inside of ?( … ) are split
shopt -s extglob
IFS=x; p=cxd; for i in +($p) "+($p)"; do echo "=$i="; done; touch 'a b'; IFS=,; q='a b'; echo @($q)
#### too many words end the line
exit 1 2; echo no
f() { return 1 2; echo no; }; f; echo no
echo $?; shift 1 2; echo no
for i in 1 2; do break 1 2; done; echo no
echo $?
#### what ! means to set -e and ERR
bash -c 'f() { set -e; false; echo no; }; ! f; echo no'; echo $?; bash -c 'set -e; f() { false; echo f; }; ! f; echo B'
set -E; trap 'echo ERR' ERR; f() { false; }; ! f; ! { false; true; }; ! (false; true); ! false; ! false | true
#### $_
true a; true b | true c; echo $_; f() { echo "$_"; }; true x; f y; echo $_; shopt -s lastpipe; true b | true c; echo $_
#### scripts in the place of a shell
echo 'echo "hi $1 $X"' > s; chmod +x s; (exec ./s 1); (X=5 exec ./s 2); (exec ./nosuch; echo no); echo $?; bash -c 'echo "$BASH_EXECUTION_STRING"' x; (unset PATH; /bin/bash -c 'echo ${PATH:+set}'); echo a; set -n; echo no
#### folders and closed streams that are read
mkdir d; read x < d; echo $?; mapfile x < d; echo $?; cat < d; echo $?; : < d; echo $?; cat <&-; echo $?; printf 'a\0b\nc\n' | { mapfile -t x; echo "${x[@]}"; }
#### odd names and indices
a=(1 2 3); unset 'a["1"]'; echo ${a[@]}; s=abc; echo "[${s[-1]}]"; declare -A d=([k]='x y'); argv "${d[@]@k}"; declare -n c1=c2; declare -n c2=c1; c1=z; echo no
mkdir 'd$x'; cd 'd$x'; p='\W'; echo "${p@P}"; type -t in ']]' select; alias x=y; type x; echo $?; cd nosuch/..; echo $?
