#### a backslash at a line's end joins lines, those of a here-document and its end too
cat <<EOF
a\
b \\
c \\\
d
EO\
F
cat <<-EOF
	a\
	b
	EOF
cat <<'EOF'
a\
EOF
#### the end of a here-document is a text, whatever stands in it
x=y
cat <<E"O"F
$x
EOF
cat <<$'E\tF'
$x
E	F
cat <<"a \$b"
$x
a $b
cat <<$x
1
$x
cat <<EO${x}F
2
EO${x}F
cat <<EO\
F
$x
EOF
#### inside a substitution
x=$(cat <<EOF
a ) b
EOF)
echo "[$x]"
cat $(cat <<A; echo /dev/null)
text
A
cat <<A && echo "$(sed 's/^/-/' <<A
inner
A
echo line)" && cat <<B
outer
A
last
B
#### a script's end ends it, with a warning
cat <<EOF
a
#### several on a line, in pipes and behind compound commands
cat <<A 3<<B - <<C
1
A
2
B
3
C
cat <<A | sed 's/^/-/' | cat - <(cat <<B
in b
B
)
in a
A
while read -r x; do read -r y <&3; echo "$x $y"; done <<A 3<<B
1
2
A
one
two
B
if read -r x; then echo "got $x"; fi <<'A'
$x
A
#### $* in it is joined by blanks, an array as everywhere
IFS=:; set -- a b; a=(1 2)
cat <<EOF
$* "$*" ${x:-$*} ${*#a} ${*:1} $@ ${a[*]} ${a[@]} ${!a[*]}
EOF
cat <<< $*
#### printed
f() {
	cat <<A <<-B >/dev/null; echo x
1
A
	2
	B
	cat <<C | cat
$x
C
	cat <<'D' && echo y
d
D
	while read x; do echo $x; done <<E
e
E
	(cat <<F
f
F
)
	cat <<G &
g
G
	echo z
}
type f
