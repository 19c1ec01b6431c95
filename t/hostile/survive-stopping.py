# Tries: to outlive its time as what does not run: it stops itself and all that
# it has started.
# Stopped by: SIGCONT comes with SIGTERM, and SIGKILL after it.
# Seen to get through with: no SIGKILL after SIGTERM.
# Says: "through: ..." if it goes on; the test looks for processes.


def handler(event):
    for _ in range(3):
        os.fork()

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.kill(os.getpid(), signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(20)
    return "through: it had the time"
