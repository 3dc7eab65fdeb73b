#### no number in a subscript ends eval, source and -c
eval 'a[1/0]=5; echo in
echo next'; echo after $?
echo 'a[1/0]=5; echo in
echo next' > s; . ./s; echo after $?
bash -c 'a[1/0]=5; echo x
echo y'; echo $?; bash -c 'declare -i n; n=1/0; echo x
echo y'; echo $?; bash -c 'echo $((1/0)); echo x
echo y'; echo $?
f() { local a[1/0]=5; echo in; }; f; echo after
declare -i x=1/0; echo after
let a[1/0]=1; echo after
[[ a[1/0] -eq 1 ]]; echo after
(eval 'a[1/0]=5; echo in'; echo more); echo $?
declare a[]=5; echo $?
#### a for (( … )) that cannot count ends with 1
for ((i=1/0;;)); do echo; done; echo after $?; for ((i=0;i<1/0;i++)); do echo a; done; echo $?; for ((i=0;i<1;i+=1/0)); do echo a; done; echo $?
#### what stands before a command is text only
declare -i n; n=1+1 env | grep ^n=; n=1/0 eval 'echo $n'; echo "[$n]"; declare -l m; f() { echo $m; }; m=ABC f
#### a job's own ! is nobody's
! false & wait $!; echo $?; ! true & wait $!; echo $?; ! false | true & wait $!; echo $?; ! { false; } & wait $!; echo $?; true && ! true & wait $!; echo $?
#### descriptors that move
exec 7>o; { echo hi >&6; } 6>&7-; echo x >&7; echo $?; cat o; exec 7>&1; echo again >&7; exec 7>o; cat /dev/null 6>&7-; (echo q >&6) 6>&7-; echo x >&7; echo $?; cat o
v=9-; echo hi >&$v; ls; echo a >&foo-; echo $?; exec {f}>&1; exec {g}>&$f-; echo hi >&$g; echo x >&$f
#### code points that are none
printf '\U00110000\ud800\U7fffffff\U80000000' | od -An -tx1; echo $'\U00110000' | od -An -tx1; echo -e '\ud800' | od -An -tx1
#### a carriage return is a letter
printf 'echo a\r\nx=1\r\necho "$x" | od -c\n' > s; bash s | od -c; printf '\r\n' > s; bash s; echo $?; printf 'if true; then\r\necho b\r\nfi\r\n' > s; bash s; echo $?; printf 'cat <<E\r\nx\r\nE\r\n' > s; bash s | od -c
#### a NUL in a script
printf 'echo ab\necho c\0d\n' > s; bash s; printf 'echo a\0b\n' > s; . ./s; chmod +x s; ./s; echo $?; printf 'echo a\0b\n' | bash
#### functions show what $'…' stood for
f() { echo $'a\tb' "$(echo $'x\n')" $'it\'s' $'\x01' $'\'' "$'a'" ${x#$'\t'} "${x#$'\t'}" "${x:-$'\t'}" $"d"; x=$'\n'; [[ $a == $'q' ]]; case $'z' in $'y') ;; esac; cat <<< $'h'; a=($'x' [1]=$'y'); [[ a =~ $'x'b ]]; }; declare -f f
#### folders of everybody
stat -c %a /tmp; test -k /tmp; echo $?
#### braces in the elements of an array
a=([0]=a{1,2} [5]={x} [6]={1..2}{3..4}); declare -p a; a=([{1,2}]=c); declare -p a; a=([1]='{1,2}' [2]=\{1,2} [3]="{"1,2} [4]+={a,b}); declare -p a; set +B; a=([0]=a{1,2}); declare -p a
#### words of an associative array are texts
declare -A a=([k]=~ [j]=~/x:~/y); declare -p a; a=(~ ~/x q $HOME); declare -p a; x='a b'; a=($x c); declare -p a; a=(k{1,2} v); declare -p a; a=([""]=x [k]=v); declare -p a; a+=("" x k w); declare -p a; declare -a b=([0]=~ [1]=~/x:~/y); declare -p b
a[""]=5; echo in
declare -p a
#### references to elements
a=(1 2 3); declare -n r='a[@]'; for i in x"$r"y; do echo "<$i>"; done; for i in "${r}" "${r[@]}"; do echo "<$i>"; done; echo ${#r}
declare -n q='a[1]'; echo ${q} ${#q} ${q/2/x} "<${q[0]}>" "${#q[@]}"; [[ -v q ]]; echo $?; ((q=7)); q+=1; declare -p a; unset q; declare -p a
q[2]=5; echo in
r=5; echo in
declare -p a; declare -A m=(["x y"]=1); declare -n s='m[x y]'; echo "$s"; s=2; declare -p m; unset s; declare -p m
#### scripts whose interpreter is not there
printf '#!/bin/bash\r\necho hi\n' > s; chmod +x s; ./s; echo $?; printf '#!/nosuch\n' > s; ./s; echo $?; printf '#!\necho hi\n' > s; ./s; echo $?; printf 'echo a\0b\n' > s; bash s; echo $?; ./s; echo $?
#### control characters in keys and values
a=($'x\ty' 'b"c$'); echo "${a[@]@K}"; declare -A m=([$'k\n']=$'v\001' [p]=q); echo "${m[@]@K}"
#### a builtin that was taken away is hashed like any program
enable -n printf; hash printf; hash | grep -c printf; enable printf; hash -r; hash printf; hash
