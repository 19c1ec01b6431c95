# Tries: to use up inodes and the kernel's memory for them with empty files and
# links.
# Stopped by: the kernel's memory is charged to the sandbox: it ends the
# process.
# Seen to get through with nothing: the limit is the container's.
# Says: "stopped: ..." if files were refused; else it is killed.


def handler(event):
    number = 0

    try:
        while True:
            os.symlink("x", "/dev/shm/%d" % number)
            number += 1

    except OSError as e:
        return "stopped: %s after %d" % (errno.errorcode[e.errno], number)
