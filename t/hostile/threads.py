# Tries: to take all of the sandbox's processes with threads that never end.
# Stopped by: they count as processes; the executor needs no new one to end
# them.
# Seen to get through with: no timer for the time-out.
# Says: nothing: its time ends.


def handler(event):
    threading.stack_size(64 * 1024)

    while True:
        try:
            threading.Thread(target=time.sleep, args=(3600,)).start()
        except RuntimeError:
            time.sleep(0.1)
