#### lines of a shell that is typed at, and fc
export HISTFILE=h; printf 'seq 2\nnot this\n' > h; bash --norc -i 2> /dev/null <<'EOF'
history 2
fc -l; fc -ln -2; fc -lr 1 2; fc -l seq not
echo a1b
fc -s 1=2
history -d 2; history -d -1; history | tail -2; history -s x y; history 1
history -a; history -c; history; history -r; history | wc -l
history -d 99; echo $?; history f; echo $?; history 1 2; echo $?; history -z; echo $?; history -anw; echo $?
history -p 'a b'; unset HISTFILE; history -a; echo $?; HISTFILE=nope; history -r; echo $?
EOF
wc -l < h; bash -c 'history; set -o history; echo x
history; fc -l'
#### what runs before a prompt
bash --norc -i 2> /dev/null <<'EOF'
HISTFILE=; told() { echo "status $?"; }; PROMPT_COMMAND=told
(exit 3)
PROMPT_COMMAND=('echo one' 'echo $((1/0))'); false
echo $?
EOF
#### kill's refusals
sleep 0.1 & kill HUP $!; echo $?; kill -9999 $!; echo $?; kill -s NO $!; echo $?; kill -L 10 BAD SIGSEGV 143; echo $?; kill %9; echo $?; kill x; echo $?; kill -l 0
#### indices as far as 64 bits go
a[5]=x; a[0x7FFFFFFFFFFFFFFF]=y; a[0x7FFFFFFFFFFFFFFE]=z; echo ${#a[@]} ${!a[@]} ${a[-1]}
#### the line of a for that a trap interrupts
trap 'echo "[$LINENO]"' DEBUG
for ((i = 0; i < 1; i++)); do
  echo $i
done
#### a value before eval is a local one's first
f() { local v; echo "${v-unset}"; }; v=1; v=2 eval f; v=2 f; f; help nothing 2>&1 | grep -c 'no help topics match'
