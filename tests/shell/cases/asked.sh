#### read: the last of several names keeps the separator behind several fields
for s in ":a b:" ":a b :" " : a b : " "a b:" "a:" ":a:" "a b : c:" "x:y:" "x:y::"; do
echo "$s" | { IFS=": " read x; echo "($x)"; }
echo "$s" | { IFS=": " read x y; echo "($x)($y)"; }
echo "$s" | { IFS=": " read x y z; echo "($x)($y)($z)"; }
done
#### declare -c
declare -c x; x=hello; echo $x; x="foo BAR"; echo $x; declare -p x
declare -cx y=abc; declare -p y; declare -l y; y=QQ; declare -p y; declare -u y; y=qq; declare -p y
declare -c y; declare -p y; y=qQ; echo $y; declare -cl z=Abc; declare -p z; declare +c y; y=QQ; echo $y
#### tilde and the directory stack
cd /tmp; pushd /usr >/dev/null; pushd / >/dev/null; echo ~0 ~1 ~2 ~3 ~+1 ~-0 ~-1 ~-2 ~-3 ~1/x "~1"
a=~1; echo $a; popd >/dev/null; echo ~1
#### a loop without expressions, listed
f() { for ((;i<3;)); do echo; done; for ((i=0;;)); do :; done; }; declare -f f
#### options that printf, alias and unalias have not
printf --x; echo $?; printf; echo $?; printf -z; echo $?; printf -; echo; printf -vq 'a'; echo $q
alias -x; echo $?; alias b=c; alias -p; alias -p b; unalias -x; echo $?; unalias -- b; alias b; echo $?
