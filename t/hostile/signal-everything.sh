# Tries: to kill everything that it can see, process 1 included, from a shell.
# Stopped by: Landlock (its version 6) lets signals reach the own domain only.
# Seen to get through with: no Landlock domain: the victim was killed.
# Says: "stopped: ..."; "through: ..." if the other execution, whose number is
# in /workspace/victim, is gone.

victim=$(cat /workspace/victim)
trap '' TERM

for process in /proc/[0-9]*; do
    pid=${process#/proc/}
    [ "$pid" = $$ ] || kill -9 "$pid" 2>/dev/null
done

kill -TERM -1 2>/dev/null
sleep 0.2

if [ -d "/proc/$victim" ]; then
    echo "stopped: $victim lives"
else
    echo "through: $victim is gone"
fi
