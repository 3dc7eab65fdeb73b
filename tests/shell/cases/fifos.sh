#### a named pipe is no file and no device
mkfifo p; ls -lF p | cut -c1-10; stat -c '%F %A %s' p; test -p p; echo $?; [[ -p p && ! -f p && ! -c p && -e p && ! -s p ]]; echo $?
ls -F; find . -type p; find . -type p -printf '%y %M %s\n'; mkfifo p; echo $?; mkfifo -m 600 m; stat -c %a m; mkfifo -m u=rw,go= n; stat -c %a n
mkfifo -m 1777 z; echo $?; mkfifo -m xyz z; echo $?; mkfifo --context=foo z 2>/dev/null; echo $?; mkfifo; echo $?; mkfifo /none/p; echo $?; ls
cp -R p pp; [ -p pp ]; echo $?; rm p; [ -e p ]; echo $?; mv pp p; [ -p p ]; echo $?
#### special files
mknod k p; [ -p k ]; echo $?; mknod -m 644 a c 1 3; stat -c '%F %t %T %a' a; echo x > a; cat a; mknod b b 0x7 010; stat -c '%F %t %T' b
for w in '' a 'a q' 'a q 1 2' 'a b' 'a b 1' 'a p 1' 'a p 1 2' 'd c x 3' 'd c 1 y' 'a c 1 3' 'a p' 'd c 4096 1'; do mknod $w 2>&1 | sed "s/[‘’]/'/g"; done
#### opening waits for the other end
mkfifo p; cat p & echo hi > p; wait
echo hi > p & cat p; wait; { echo 1; echo 2; } > p & while read l; do echo "l $l"; done < p; wait
{ read a; read b; echo "$a-$b"; } < p & printf '1\n2\n' > p; wait
(exit 3) > p & cat p; wait $!; echo $?; f() { cat < p; }; f & echo fun > p; wait; echo $(cat p & echo sub > p; wait)
cat p | sed s/h/H/ & echo hi > p; wait; seq 1 100000 > p & tail -1 p; wait; set -C; cat p & echo y > p; wait
#### two pipes and three jobs
mkfifo p q; (while read l; do echo "got $l"; done < p > q) & cat q & for i in 1 2 3; do echo $i; done > p; wait
echo hi > p | cat p; (echo a; cat p) > q & cat q & echo b > p; wait
#### a pipe open at both ends
mkfifo p; exec 3<>p; echo one >&3; echo two >&3; read x <&3; read y <&3; echo $x $y; read -t 0.01 z <&3; echo $? "[$z]"
echo abcdef >&3; read -n 3 x <&3; read y < p; echo $x $y; printf 'a\nb\n' >&3; read x < p; read y < p; echo $x $y
exec 3>&-; echo new > p & cat p; wait
#### nobody reads any more
mkfifo p; (exec 3<>p; exec 4>p; exec 3>&-; echo x >&4; echo no); echo $?
(trap '' PIPE; exec 3<>p; exec 4>p; exec 3>&-; echo x >&4; echo $?); (exec 3<>p; exec 4>p; exec 3>&-; seq 3 >&4; echo $?)
exec 3<>p; exec 4>p; exec 3>&-; echo x >&4; echo no
#### tools read and write named pipes
mkfifo k; grep -c . k & seq 5 > k; wait; sort k & printf 'b\na\n' > k; wait; awk '{s+=$1} END {print s}' k & seq 10 > k; wait
echo data > k & cp k c; cat c; wait; echo data > k & dd if=k of=d 2>/dev/null; cat d; wait
cat k & dd if=c of=k 2>/dev/null; wait; cat k & cp c k; wait; tee k < c > /dev/null & cat k; wait
diff <(echo a) k & echo b > k; wait; cat < k > res & { echo a; echo b; } > k; wait; cat res; wc -l k & seq 7 > k; wait
#### $( ) waits for the jobs that write into it
mkfifo p; x=$(sleep 100 >/dev/null 2>&1 & echo $!); [ -n "$x" ]; echo $?; kill $x
echo $(read l < p && echo $l & echo b; echo a > p); echo $( (read l < p; echo in) & echo x > p); cat <(read l < p && echo $l & echo now; echo late > p)
echo $(sleep 100 2>&1 >/dev/null & kill $!; echo k)
#### what is a pipe
echo x | { [ -p /dev/stdin ]; echo $?; }
echo x | { cat | [ -p /dev/stdin ]; echo $?; }
> f; [ -p /dev/stdin ] < f; echo $?; [ -p /dev/stdin ] <<< x; echo $?; [ -p /dev/fd/0 ] </dev/null; echo $?
{ [ -p /dev/stdout ]; echo $? ; } 2>&1 | cat
t() { [ -p $1 ]; echo $?; }; t <(echo a); t >(cat)
mkfifo p; exec 3<>p; [ -p /dev/fd/3 ]; echo $?
x=$([ -p /dev/stdout ]; echo $?); echo $x
