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
