# Tries: to get past the filter of system calls with the numbers of another
# machine: int 0x80 and the numbers of x32, which x86_64's kernels may have.
# Stopped by: the filter takes the machine's own numbers only.
# Seen to get through with: the filter's look at the machine left out.
# Says: "stopped: ..."; "through: ..." and the socket that it got.

# push rbx; mov eax, edi; mov ebx, esi; mov ecx, edx; mov edx, 0; int 0x80;
# pop rbx; ret
INT80 = bytes.fromhex("53 89f8 89f3 89d1 ba00000000 cd80 5b c3")

AF_VSOCK = 40
X32 = 0x40000000


def int80(number, first, second):
    import mmap

    page = mmap.mmap(-1, 4096, prot=7)
    page.write(INT80)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    call = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int,
                            ctypes.c_int)(address)
    result = call(number, first, second)

    if result < 0:
        raise OSError(-result, os.strerror(-result))

    return result


def x32(number, *args):
    result = libc.syscall(ctypes.c_long(X32 | number),
                          *[ctypes.c_long(arg) for arg in args])

    if result == -1:
        raise OSError(ctypes.get_errno(), "x32")

    return result


def handler(event):
    if platform.machine() != "x86_64":
        return "stopped: there is no other one here"

    attempt("int 0x80", int80, 359, AF_VSOCK, 1)
    attempt("int 0x80", int80, 20, 0, 0)
    attempt("x32", x32, NUMBERS["socket"], AF_VSOCK, 1, 0)
    attempt("x32", x32, NUMBERS["getpid"])
    return verdict()
