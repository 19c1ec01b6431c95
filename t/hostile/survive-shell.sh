# Tries: to leave things in the background, as shells do.
# Stopped by: what is the executor's child and was not started by it is killed.
# Seen to get through with: the end of strays off.
# Says: "stopped: ..."; the test looks for processes.

trap '' HUP TERM INT
sleep 3600 &
nohup sleep 3600 >/dev/null 2>&1 &
(setsid sh -c 'trap "" TERM; while :; do sleep 1; done' &)
sh -c 'kill -STOP $$; sleep 3600' &
sleep 0.2
echo "stopped: if nothing is left"
