#### what a shell exports by itself
export -p | grep -c 'declare -x P[AW]'; env | grep -c '^P[AW]'; cd /; cd /tmp; env | grep PWD | sort; bash -c 'cd /tmp; env | grep PWD | sort; declare -p PWD OLDPWD UID'
#### what it exports no more
unset HOME; env | grep -c ^HOME; HOME=/x; env | grep ^HOME; export HOME; env | grep ^HOME; PATH=/bin:/usr/bin; env | grep ^PATH
#### declared and never set
typeset -i xxx[4]; typeset | grep ^xxx; declare -p xxx; typeset yy; declare -p yy; declare -a zz; set | grep zz=; echo end
#### words that compgen finds, and what complete keeps
f1() { :; }; f2() { :; }; compgen -A function; compgen -W 'a b ab' a; compgen -W 'x' y; echo $?; compgen -A nosuch; echo $?; complete -W 'p q' cmd; complete; complete -p nosuch; echo $?; complete -r cmd; complete; compgen -P '<' -S '>' -W '$HOME "a b" c\ d'; compgen -X 'a*' -W 'ab ba'; compgen -X '!a*' -W 'ab ba'; compgen -k wh; compgen -b unse; g() { COMPREPLY=("$1" "$2" "${#COMP_WORDS[@]}"); }; compgen -F g word; compopt -o nospace; echo $?
