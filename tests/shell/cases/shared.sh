#### a script from standard input shares it with its commands
bash <<'X'
cat <<E
in
E
read a; read b
one
two
echo $a-$b $LINENO
f() {
  read z
  echo "z=$z $LINENO"
}
f
zed
exit 4
no
X
echo $?; printf 'echo a\ncat\nrest\nmore\n' | bash; printf 'while read l; do echo "<$l>"; done\n1\n2\n' | bash; printf '# c\n\nread -n 2 y\nabcd\necho "$y"\n' | bash 2>/dev/null; printf 'echo x\n(' | bash 2>/dev/null; echo $?; printf 'exec 0</dev/null\necho n\n' | bash; printf 'bash\necho inner\n' | bash
#### where $PATH leads
PATH=/nonexist; ls; echo $?; command -v ls; echo $?; hash ls; echo $?; PATH=; ls; echo $?; echo builtin; unset PATH; ls; echo $?; /bin/ls -d /; PATH=/bin ls -d /; command -p ls -d /; PATH=/bin; hash -p /bin/true mine; mine; echo $?; hash -d mine; mine; echo $?
printf '#!/bin/bash\necho scr $1\n' > s; chmod +x s; hash -p ./s scr; scr a
#### values before export stay
z=1 export z; env | grep -c '^z='; y=2 readonly y; echo $y; x=3 export w=4; echo ${x-u} $w; f() { export v; }; v=5 f; echo ${v-u}
#### aliases behind aliases for keywords
shopt -s expand_aliases
alias a='for ' b='i in' X='case ' Y=Z
a b hi ; do echo $i ; done
X Y in 'Y') echo is y ;; Z) echo is z ; esac
#### exec, time and getopts
bash -c 'trap "echo E" EXIT; exec echo hi'; time -- true; time -p -- true; readonly c; set -- -a; getopts a c; echo $?; OPTERR=0 OPTIND=1; getopts b d; echo $? $d
#### brackets unclosed within extended patterns; elements before calls
shopt -s extglob; touch abcx abcz bbc; echo !([*)*; echo +(a|b[)*; case 'a[' in a@([)) echo 1;; *) echo 2;; esac
f() { local a; a=1; echo $a; }; a=(0 1 2); a[0 + 1]=foo f; typeset -p a
#### where functions stand and were called, in files
cat > lib <<'E'
echo "${FUNCNAME[@]} ${BASH_LINENO[@]} ${#BASH_SOURCE[@]}"; g
E
g() { echo "${FUNCNAME[@]} ${BASH_LINENO[@]}"; caller 0 | cut -d' ' -f1,2; caller 1 | cut -d' ' -f1,2; }
f() { . ./lib a; caller | cut -d' ' -f1; }; f; . ./lib; g; echo "[${FUNCNAME[@]}] ${BASH_LINENO[@]}"
cat > own <<'E'
h() { echo "${BASH_SOURCE[@]} ${FUNCNAME[@]}"; caller 0; }; h; echo "${BASH_SOURCE[@]}"
E
bash own; bash -c '. ./own'; bash < own; bash -c 'k() { caller; caller 0; }; k; caller; echo $?'
#### patterns as set -x shows them
exec 2>&1; x='a b'; set -x; [[ a = $x ]]; [[ a != 'q'"$x"* ]]; [[ a =~ b"c". ]]; [[ "a b" < "c d" ]]; [[ -n "a b" ]]; [[ '' == '' ]]
set +x; printf '%q ' '{a,b}' ,; echo
#### select
exec 2>&1; set -- $(seq 1 25); COLUMNS=40; printf '3\n 7 \nx\n99\n\n2\n' | select n; do echo "[$n]$REPLY"; done; echo $?; PS3='? '; printf '1\n' | select w in aaaa bbbbbb ccccccccc d e f g h i j k l mmmmmm; do echo $w; break; done
select z in; do echo no; done; echo $?; echo 1 | select q in only; do continue; done; echo; PS3=; set -x; select v in p q; do break; done <<< 1; set +x
f() { select x in a "b c"; do echo $x; done; }; declare -f f; select x in a b; { echo $x; break; } <<< 2; select 1x in a; do :; done 2>/dev/null; echo $?
select x in a b
do
 echo $x; [ $x = b ] && break
done <<E
1
2
E
echo end $?
#### disown, enable and names with a beginning
sleep 1 & disown; jobs; disown 2>/dev/null; echo $?; sleep 1 & disown -h %1; disown -a; disown -r; jobs; wait $! 2>/dev/null; echo $?
enable -s | head -3; enable nosuch 2>/dev/null; echo $?; enable cd; enable -n; a1=1 a2=2; echo ${!a*} ${!BASH_VERS*}
