#### making and reading
a=(x 'y z' w); echo ${a[0]} "${a[1]}" $a ${#a[@]} ${#a[1]}; argv "${a[@]}"; argv ${a[@]}; argv "${a[*]}"
#### setting elements
a[3]=x; a[1]=y; echo ${!a[@]} ${a[@]} ${#a[@]}; a[1+1]=z; i=5; a[i]=w; a[$i+1]=v; echo "${!a[@]}"
#### appending
a=(1); a+=(2 3); a+=x; echo ${a[@]}; b+=(q); echo ${b[@]}; a[0]+=y; echo ${a[0]}
#### negative subscripts
a=(1 2 3); echo ${a[-1]} ${a[-3]}; a[-1]=z; echo ${a[@]}; unset 'a[-1]'; echo ${#a[@]}
#### subscripts in the list
a=([2]=c [0]=a b); echo ${!a[@]} - ${a[@]}
#### unset
a=(1 2 3); unset 'a[1]'; echo ${a[@]} ${!a[@]} ${#a[@]}; unset a; echo "[${a[@]}]" ${#a[@]}
#### empty arrays
a=(); argv "${a[@]}"; echo ${#a[@]}; a=(''); argv "${a[@]}"; echo ${#a[@]}
#### words in a list
x='p q'; a=($x "$x" *.nothing {1..3} $(echo r s)); argv "${a[@]}"
#### slices
a=(a b c d e); echo ${a[@]:1:2} - ${a[@]:3} - ${a[@]: -2} - ${a[*]:0:1}; a=([2]=x [5]=y [9]=z); echo ${a[@]:5:1}
#### operators on each element
a=(foo.c bar.c); echo ${a[@]%.c} ${a[@]#f} ${a[@]/o/0} ${a[@]//o} ${a[@]^} ${a[@]^^}; echo "${a[@]/%/.x}"
#### star with IFS
a=(1 2 3); IFS=,; echo "${a[*]}"; x="${a[*]}"; echo $x
#### loops
a=('x y' z); for i in "${a[@]}"; do echo "<$i>"; done; for i in ${!a[@]}; do echo $i; done
#### copying
a=(1 '2 3'); b=("${a[@]}"); argv "${b[@]}"; c=(0 "${a[@]}" 4); echo ${#c[@]}
#### associative
declare -A m; m[a]=1; m['b c']=2; echo ${m[a]} "${m[b c]}" ${#m[@]}
declare -A n=([x]=1 [y]=2); for k in x y; do echo $k ${n[$k]}; done; n+=([z]=3); echo ${#n[@]}; unset 'n[x]'; echo ${n[x]-gone} ${#n[@]}
#### keys of an associative array
declare -A m=([one]=1); echo ${!m[@]} "${!m[@]}" ${m[@]}; k=one; echo ${m[$k]} ${m["one"]} ${m['one']}
#### associative and arithmetic
declare -A m; m[a]=5; ((m[a]++)); echo ${m[a]} $((m[a]*2)); k=a; ((m[$k]+=10)); echo ${m[a]}
#### an array's name alone is element 0
a=(x y); a=z; echo ${a[@]}; unset b; b[3]=q; echo "[$b]"
#### a plain variable becomes an array
x=5; x[2]=7; echo ${x[@]} ${!x[@]}; y=1; y+=(2); echo ${y[@]}
#### existence
a=([2]=x); [[ -v a[2] ]]; echo $?; [[ -v a[1] ]]; echo $?; echo ${a[1]-no} ${a[2]-no} ${a[2]+yes}; [[ -v a ]]; echo $?; declare -A m=([k]=v); [[ -v m[k] ]]; echo $?
#### mapfile
printf 'a\nb c\nd\n' > f; mapfile -t x < f; argv "${x[@]}"; mapfile y < f; argv "${y[@]}"; mapfile -t -n 1 -s 1 z < f; argv "${z[@]}"; readarray -t w <<< q; argv "${w[@]}"
#### read into an array
read -a x <<< "a b c"; echo ${#x[@]} ${x[2]}; IFS=: read -a y <<< "p:q::r"; argv "${y[@]}"
#### declare -p
a=(1 'b c'); declare -p a; declare -A m=([k]='v w'); declare -p m; x='q"r'; declare -p x; declare -i n=3; declare -p n; declare -r r=1; declare -p r; export e=2; declare -p e
#### local arrays
a=(g); f() { local a=(l m); echo ${a[@]}; local -A h=([k]=v); echo ${h[k]}; }; f; echo ${a[@]} "${h[@]}"
#### read-only arrays
readonly -a r=(1 2); (r[0]=x) 2>/dev/null; echo $? ${r[0]}
#### arguments from an array
a=(-n 'x y'); echo "${a[@]}"; echo; set -- "${a[@]}"; echo $#
#### nested subscripts
a=(2 0 1); echo ${a[${a[0]}]} ${a[a[0]]} ${a[$((1+1))]} ${a[a[1]+1]}
#### quotes in elements
a=("it's" 'say "hi"' $'tab\there'); argv "${a[@]}"; echo "${a[0]} ${a[1]}"
#### arrays over lines
a=(
  one   # comment
  two
  "three four"
)
argv "${a[@]}"
#### length of an element and of all
a=(abc de); echo ${#a} ${#a[1]} ${#a[*]}
#### indirect arrays
a=(1 2 3); n=a[@]; argv "${!n}"; n='a[1]'; echo ${!n}
#### name references
declare -n r=x; x=5; echo $r; r=6; echo $x; f() { local -n p=$1; p=(a b); }; f arr; echo ${arr[@]}; echo ${!r}
#### quoting transformation
a=('x y' z); echo "${a[@]@Q}"; x="a'b"; echo "${x@Q}"
#### a list that uses itself
a=(1 2); a=("${a[@]}" 3); a=(0 "${a[@]}"); echo ${a[@]}
#### defaults on arrays
echo ${u[@]:-none} ${u[0]:-none}; a=(); echo ${a[@]-empty} ${a[@]+set}; a=(x); echo ${a[@]+set}
#### arrays that the shell makes
f() { echo "$FUNCNAME ${FUNCNAME[0]} ${FUNCNAME[1]}"; }; g() { f; }; g; false | true | false; echo "${PIPESTATUS[@]}"
false | true; echo "$PIPESTATUS"; echo "$GROUPS ${#GROUPS[@]} $BASH_VERSINFO ${BASH_VERSINFO[0]} ${!BASH_VERSINFO[@]}"
#### aliases as an array
alias a=1x b=2y; echo "${BASH_ALIASES[b]} ${!BASH_ALIASES[@]} [${BASH_ALIASES[zz]}] ${#BASH_ALIASES[@]} ${BASH_ALIASES[@]}"
#### an empty subscript
a=(1 2); a[]=42; echo "st $?"
echo "${a[@]}"; e=
a[$e]=5; echo "st $?"
echo "${a[@]}"; declare -A m
m[]=4; echo "st $?"
echo "${#m[@]}"
