# Tries: to make process 1 its tracer (PTRACE_TRACEME): each signal then stops
# it, and the executor is told so as if it had ended.
# Stopped by: what stops while the executor traces it is killed.
# Seen to get through with: each report of waitid() taken for an end.
# Says: nothing.  The test wants it to be killed, and at once; "through: ..." if
# it goes on.


def handler(event):
    syscall("ptrace", 0, 0, 0, 0)

    if event.get("thread"):
        thread = threading.Thread(target=syscall,
                                  args=("ptrace", 0, 0, 0, 0))
        thread.start()
        thread.join()

    os.kill(os.getpid(), signal.SIGCHLD)
    time.sleep(2)
    return "through: still there"
