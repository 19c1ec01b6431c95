# What the Python programs of t/hostile share; t/165-hostile.t puts it in
# front of each.  attempt() is one try: that it raises means that it was
# stopped.  verdict() is what a handler returns: "stopped: " and the reasons,
# or "through: " and what came of it.

import ctypes
import errno
import glob
import os
import platform
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

libc = ctypes.CDLL(None, use_errno=True)

# numbers from 424 on are the same everywhere
NUMBERS = {
    "x86_64": dict(prctl=157, ptrace=101, syslog=103, keyctl=250, add_key=248,
                   request_key=249, perf_event_open=298, bpf=321,
                   userfaultfd=323, setns=308, unshare=272, mount=165,
                   umount2=166, pivot_root=155, process_vm_readv=310,
                   process_vm_writev=311, ioprio_set=251, init_module=175,
                   kexec_load=246, shmget=29, shmat=30, shmctl=31, clone=56,
                   getpid=39, rt_sigqueueinfo=129, tgkill=234, kcmp=312,
                   sched_setscheduler=144, socket=41, reboot=169,
                   open_by_handle_at=304, swapon=167, sethostname=170,
                   settimeofday=164, chroot=161),
    "aarch64": dict(prctl=167, ptrace=117, syslog=116, keyctl=219,
                    add_key=217, request_key=218, perf_event_open=241,
                    bpf=280, userfaultfd=282, setns=268, unshare=97, mount=40,
                    umount2=39, pivot_root=41, process_vm_readv=270,
                    process_vm_writev=271, ioprio_set=30, init_module=105,
                    kexec_load=104, shmget=194, shmat=196, shmctl=195,
                    clone=220, getpid=172, rt_sigqueueinfo=138, tgkill=131,
                    kcmp=272, sched_setscheduler=119, socket=198, reboot=142,
                    open_by_handle_at=265, swapon=224, sethostname=161,
                    settimeofday=170, chroot=51),
}[platform.machine()]

NUMBERS.update(pidfd_send_signal=424, io_uring_setup=425, open_tree=428,
               move_mount=429, fsopen=430, fspick=433, pidfd_open=434,
               pidfd_getfd=438, mount_setattr=442, clone3=435)

reasons = []
successes = []


def syscall(name, *args):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(NUMBERS[name]),
                          *[arg if arg is None or isinstance(arg, bytes)
                            or isinstance(arg, ctypes.Array)
                            else ctypes.c_long(arg) for arg in args])

    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)

    return result


def attempt(what, call, *args):
    try:
        got = call(*args)

    except (OSError, ValueError) as e:
        number = getattr(e, "errno", None)
        reasons.append("%s: %s" % (what, errno.errorcode.get(number, e)))
        return None

    successes.append("%s: %.100r" % (what, got))
    return got


def verdict():
    if successes:
        return "through: " + "; ".join(successes[:20])

    if not reasons:
        return "nothing was tried"

    return "stopped: " + "; ".join(sorted(set(reasons))[:20])


def read(path, size=1 << 20):
    with open(path, "rb", 0) as file:
        return file.read(size)


def write(path, data):
    with open(path, "wb", 0) as file:
        return file.write(data)


def pids():
    return sorted(int(name) for name in os.listdir("/proc")
                  if name.isdigit())


def others():
    """Those of other executions: not ours, not process 1, not our own."""

    mine = {os.getpid(), 1}
    return [pid for pid in pids() if pid not in mine]


def unix(path, kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_UNIX, kind)
    s.settimeout(2)
    s.connect(path)
    return s


def http(path, method, uri, token, body=b""):
    """The status of the answer; raises where there is none."""

    s = unix(path)
    s.sendall(("%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
               "Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n"
               % (method, uri, token, len(body))).encode() + body)
    data = s.recv(200)

    if not data:
        raise OSError(errno.ECONNRESET, "closed")

    return int(data.split()[1])
