#### a script by its path
printf '#!/bin/sh\necho "$0 $# $1"\nexit 3\n' > s; ./s a b 2>/dev/null; echo $?; chmod +x s; ./s a b; echo $?; sh ./s x | cat
#### a script in PATH
mkdir bin; echo 'echo mine "$@"' > bin/tool; chmod +x bin/tool; PATH=$PWD/bin:$PATH; tool 1 2; command -v tool | grep -c bin/tool; type -t tool
#### one that hides a tool
mkdir bin; echo 'echo other' > bin/seq; chmod +x bin/seq; seq 2; PATH=bin:$PATH; seq 2; command -p seq 2
#### an interpreter
printf '#!/usr/bin/env -S awk -f\n{ print $2 }\n' > a; printf '#!/usr/bin/sed -f\ns/a/b/\n' > b; chmod +x a b; echo x y > in; ./b < in; ./b in
#### what cannot be run
mkdir d; touch f; ./f 2>/dev/null; echo $?; ./d 2>/dev/null; echo $?; ./no 2>/dev/null; echo $?; nosuchtool 2>/dev/null; echo $?; ./d/no/x 2>/dev/null; echo $?
#### a tool by its path
/bin/echo hi; /usr/bin/printf '%s\n' x; /bin/true; echo $?; /usr/bin/seq 2
#### type
type -t cd seq if nosuch; echo $?; type -a cd; type -P seq | grep -c /; type -P cd; echo $?; type -p cd; echo $?
#### type of several kinds
mkdir t; touch t/pwd; chmod +x t/pwd; PATH=/bin:t; pwd() { :; }; type -a pwd; type -ap pwd; type -af pwd; type -at pwd
#### command -v
f() { :; }; command -v f cd if; command -v nosuch f; echo $?; command -v ''; echo $?
#### hash
hash seq; echo $?; hash nosuchtool 2>/dev/null; echo $?; hash -r; hash
#### pushd and popd
cd /; pushd /tmp; pushd /dev; dirs; dirs -v; pushd; popd; popd +1; dirs -c; popd 2>/dev/null; echo $?
#### the stack by number
cd /; pushd /tmp >/dev/null; pushd /dev >/dev/null; dirs +1; dirs -0; pushd +2; dirs -l; echo ${DIRSTACK[0]}; pushd +9 2>/dev/null; echo $?; pushd /nosuch 2>/dev/null; echo $?
#### the folder by its name and by its links
mkdir -p a/b; ln -s a/b l; cd l; echo ${PWD##*/}; pwd -P | grep -c a/b; cd ..; ls; cd -P l; echo ${PWD##*/}; cd ..; ls
#### CDPATH and cd's errors
mkdir -p x/sub; CDPATH=x; cd sub | grep -c /x/sub; cd nosuch 2>/dev/null; echo $?; cd a b 2>/dev/null; echo $?; unset HOME; cd 2>/dev/null; echo $?
#### sourcing through PATH
mkdir lib; echo 'echo "lib $1"; return 4' > lib/util.sh; PATH=lib:$PATH; . util.sh x; echo $?; . <(echo 'echo from a pipe'); . ./nosuch 2>/dev/null; echo $?
#### exec
(exec echo one; echo never); (exec nosuchtool) 2>/dev/null; echo $?; exec -- 3>&1; echo to three >&3; (exec -a other echo named)
#### GLOBIGNORE and case
touch a.c b.c B.h .hid; GLOBIGNORE=b.*; echo *; unset GLOBIGNORE; shopt -s nocaseglob; echo b*
#### a quoted - in a set
touch x1 x- x2; echo x[1\-3] x[1-3]; case - in [a\-z]) echo dash;; esac
