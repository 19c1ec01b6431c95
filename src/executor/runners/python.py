# Copyright (C) the ngx_sandbox authors
#
# The Python runner, docs/runner-protocol.md.  Python 3.8 and later; started
# as "python3 -I -S -B".  Whether its request is there already decides what it
# does first: if so, it imports nothing that it may not need; if not, it has
# time to import and to try what the request will.
#
# The code runs in a module of its own as __main__.  What we import comes from
# the standard library only (see _stdlib): the workspace may have a json.py of
# its own, and then the code gets that one.

import _thread
import builtins
import gc
import posix
import sys
import time

REQUEST_FD = 3
VALUE_FD = 4
GATE_FD = 5
RUNNER_FD = 6
VALUE_MAX = 1024 * 1024
MESSAGE_MAX = 4096

# where the executor puts what is installed, below the workspace
PACKAGES = "/.packages/python"

# no such file exists, so nobody takes its lines for ours
NAME = "/main.py"

# imported while there is time: for us, and for the code
OURS = "json", "linecache", "traceback"
USUAL = "os", "re", "collections", "math", "datetime", "random"

PID = posix.getpid()
STDLIB = list(sys.path[1:] if sys.path[:1] == [""] else sys.path)

source = ""
kept = {}


class Context:
    """The second argument of a handler that takes one."""

    def __init__(self, head):
        self.execution_id = head["execution_id"]
        self.session_id = head["session_id"]
        self.timeout = float(head["timeout"])
        self._end = time.monotonic() + self.timeout

    def remaining(self):
        """Seconds until the execution is ended."""
        return max(0.0, self._end - time.monotonic())


class Loader:
    """Gives traceback, inspect and friends the source of the code."""

    def get_source(self, name):
        return source


class Refused(Exception):
    """A return value that is no JSON; its text is the error message."""


class Unsent(Exception):
    """The code has closed what the return value would take."""


def main():
    global source

    prepare()

    base = set(sys.modules)

    if not posix.fstat(REQUEST_FD).st_size:
        warm_up()

    if not posix.read(GATE_FD, 1):
        posix._exit(0)

    head, code, event, env = read_request()
    source = code.decode("utf-8").lstrip("\ufeff")
    context = Context(head)

    # before the workspace can have a say in what "json" is
    if event or b"handler" in code:
        _stdlib("json")

    begin(head, env, base)

    # what is there already is no part of what leave() looks at
    before = set(sys.modules), _stdlib("atexit")._ncallbacks()
    gc.freeze()

    try:
        status = run(event, context)
        leave(status, before)

    finally:
        # else the interpreter would not take them apart
        kept.clear()
        gc.unfreeze()

    sys.exit(status)


def run(event, context):
    module = type(sys)("__main__")
    module.__builtins__ = builtins
    module.__loader__ = Loader()
    module.__file__ = posix.getcwd().rstrip("/") + NAME

    # with it, a process that multiprocessing spawns does not look for the file
    module.__spec__ = type(builtins.__spec__)("__main__", module.__loader__,
                                              origin=module.__file__)

    sys.modules["__main__"] = module
    sys.argv = [NAME]

    try:
        exec(compile(source, NAME, "exec", 0, True), module.__dict__)

        handler = module.__dict__.get("handler")

        if callable(handler) and not isinstance(handler, type):
            value = encode(call(handler, event, context))
            flush()
            send(b"value ", value)

        else:
            flush()

        return 0

    except SystemExit as e:
        tell_why(e.code)
        raise

    except Refused as e:
        complain(str(e) + "\n")
        fail(str(e))

    except Unsent as e:
        complain("the return value cannot be passed on: %s\n" % e)

    except BaseException as e:
        fail(describe(e))

    return 1


def prepare():
    # children of the code must not be able to answer for it
    posix.set_inheritable(VALUE_FD, False)
    posix.close(RUNNER_FD)

    # a line that was printed is out, however the end comes
    sys.stdout.reconfigure(line_buffering=True)

    site_packages()

    builtins.exit = builtins.quit = sys.exit

    # the interpreter's own ones find no source for what runs from memory
    sys.unraisablehook = unraisable
    _thread._excepthook = thread_failed

    if "threading" in sys.modules:
        sys.modules["threading"].excepthook = thread_failed


def warm_up():
    """What the request will need, once: imported, compiled, in the cache."""

    for name in OURS:
        _stdlib(name)

    for name in USUAL:
        __import__(name)

    module = type(sys)("__main__")
    exec(compile("def handler(event):\n    return event\n", NAME, "exec", 0,
                 True), module.__dict__)

    encode(call(module.handler, b'{"a":[1,2.5,"x",null]}', None))

    gc.collect()


def begin(head, env, base):
    for item in env.split(b"\0")[:-1]:
        name, value = item.split(b"=", 1)

        # of the second one os makes what the code sees, if it has not yet
        posix.putenv(name, value)
        posix.environ[name] = value

        if "os" in sys.modules:
            sys.modules["os"].environb[name] = value

        if name == b"TZ":
            time.tzset()

    posix.chdir(head["directory"])

    cwd = posix.getcwd()
    folders = [cwd] if cwd == head["workspace"] else [cwd, head["workspace"]]
    sys.path[:0] = folders

    packages(head["workspace"] + PACKAGES, len(folders) + len(STDLIB))

    # the workspace's own come first, as they do where nothing was imported:
    # then let it be so
    ours = set(sys.modules) - base
    names = {entry.split(".")[0] for folder in folders
             for entry in posix.listdir(folder)
             if entry.endswith((".py", ".so")) or "." not in entry}

    if not names.isdisjoint(ours):
        for name in ours:
            del sys.modules[name]


def packages(folder, place):
    """What was installed for the session; before what the image has."""

    try:
        names = posix.listdir(folder)
    except OSError:
        return

    sys.path.insert(place, folder)

    if any(name.endswith(".pth") for name in names):
        _stdlib("site").addsitedir(folder)


def leave(status, before):
    """
    Ends at once, where nothing is left that an interpreter's end would do.

    The code's own objects are taken apart here, as always: what it has left
    open is flushed, its finalizers run.  Not so the modules of the standard
    library, unless the code has hung something into one.
    """

    modules, callbacks = before

    try:
        threading = sys.modules.get("threading")

        # with ctypes there may be output in the buffers of the C library
        if posix.getpid() != PID \
           or (threading and len(threading.enumerate()) > 1) \
           or "_ctypes" in sys.modules \
           or _stdlib("atexit")._ncallbacks() != callbacks \
           or not all(from_stdlib(module)
                      for name, module in sys.modules.items()
                      if name not in modules):
            return

        flush()
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__

        # twice, as an interpreter does: the first time puts what is reachable
        # in order, so that a file is flushed before what it writes to is closed
        gc.collect()
        sys.modules.pop("__main__", None)
        gc.collect()

        if any(matters(kind) for kind in set(map(type, gc.get_objects()))) \
           or any(kind.__module__ == "__main__"
                  for kind in gc.get_objects() if isinstance(kind, type)):
            return

        flush()

    except BaseException:
        return

    posix._exit(status)


def matters(kind):
    """Whether the end of such an object can do anything."""

    return hasattr(kind, "__del__")


def flush():
    for name in "stdout", "stderr":
        stream = getattr(sys, name, None)

        # an object of the code's that has a write() only
        if not hasattr(stream, "flush"):
            setattr(sys, name, None)

        elif not getattr(stream, "closed", False):
            stream.flush()


def read_request():
    data = b""

    while b"\n\n" not in data:
        data += read_some()

    head, data = data.split(b"\n\n", 1)
    lines = head.decode("utf-8").split("\n")

    if lines[0] != "sandbox-run 2":
        raise ValueError("unknown protocol: " + lines[0])

    fields = dict(line.split(" ", 1) for line in lines[1:])
    code = int(fields["code"])
    event = code + int(fields["event"])
    size = event + int(fields["env"])
    parts = [data]
    have = len(data)

    while have < size:
        parts.append(read_some())
        have += len(parts[-1])

    posix.close(REQUEST_FD)
    posix.close(GATE_FD)
    data = b"".join(parts)

    return fields, data[:code], data[code:event], data[event:size]


def read_some():
    data = posix.read(REQUEST_FD, 1048576)

    if not data:
        raise EOFError("the request ends too early")

    return data


def site_packages():
    # What site does costs a third of the interpreter's start.  Where the
    # image needs more of it than two or three folders, it is called.

    version = "python%d.%d" % sys.version_info[:2]

    folders = [
        "/usr/local/lib/%s/dist-packages" % version,
        "/usr/lib/python3/dist-packages",
    ] if sys.prefix == "/usr" else []

    for lib in "lib", "lib64":
        folders.append("%s/%s/%s/site-packages" % (sys.prefix, lib, version))

    special = getattr(sys, "_home", None) is not None

    for folder in folders:
        try:
            names = posix.listdir(folder)
        except OSError:
            continue

        sys.path.append(folder)

        for name in names:
            if name.endswith(".pth") or name == "sitecustomize.py":
                special = True

    if special:
        sys.path[:] = STDLIB
        _stdlib("site").main()


def call(handler, event, context):
    value = _stdlib("json").loads(event.decode("utf-8")) if event else None
    style = context_style(handler)

    if style == "positional":
        result = handler(value, context)
    elif style == "keyword":
        result = handler(value, context=context)
    else:
        result = handler(value)

    if hasattr(result, "__await__"):
        result = wait_for(result)

    if hasattr(result, "__next__") or hasattr(result, "__anext__"):
        raise Refused("return value is not JSON: handler is a generator, "
                      "let it return a list")

    return result


def wait_for(result):
    async def wait():
        return await result

    waiting = wait()

    try:
        return _stdlib("asyncio").run(waiting)

    finally:
        # silent, where they could not even be begun
        waiting.close()

        if hasattr(result, "cr_frame"):
            result.close()


def context_style(handler):
    # inspect is slow to import: only for what is no plain function
    code = getattr(handler, "__code__", None)

    if code is None or hasattr(handler, "__wrapped__") \
       or hasattr(handler, "__self__"):
        return context_style_slow(handler)

    names = code.co_varnames[:code.co_argcount]
    required = len(names) - len(handler.__defaults__ or ())

    if len(names) > 1 and (required > 1 or names[1] == "context"):
        return "positional"

    first = code.co_argcount
    only = code.co_varnames[first:first + code.co_kwonlyargcount]

    return "keyword" if "context" in only else ""


def context_style_slow(handler):
    inspect = _stdlib("inspect")

    try:
        parameters = list(inspect.signature(handler).parameters.values())
    except (TypeError, ValueError):
        return ""

    taken = [p for p in parameters
             if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]

    if len(taken) > 1 and (taken[1].default is taken[1].empty
                           or taken[1].name == "context"):
        return "positional"

    for p in parameters:
        if p.kind == p.KEYWORD_ONLY and p.name == "context":
            return "keyword"

    return ""


def encode(result):
    json = _stdlib("json")

    try:
        text = json.dumps(result, ensure_ascii=False, allow_nan=False,
                          separators=(",", ":"))
        data = text.encode("utf-8")

    except UnicodeEncodeError:
        raise Refused("return value is not JSON: "
                      "a string has a lone surrogate") from None

    except RecursionError:
        raise Refused("return value is not JSON: it is nested too deeply, "
                      "64 levels are allowed") from None

    except Exception as e:
        # of a property or a method of the code's
        if is_codes_own(e):
            raise

        raise Refused("return value is not JSON: %s" % e) from None

    if len(data) > VALUE_MAX:
        raise Refused("return value of %d bytes is larger than %d bytes"
                      % (len(data), VALUE_MAX))

    return data


def tell_why(code):
    """What the interpreter prints then, and exits with status 1."""

    if code is None or isinstance(code, int):
        return

    try:
        text = str(code)
    except Exception:
        return

    if text:
        fail(text)


def fail(message):
    try:
        send(b"error ", message.encode("utf-8", "replace")[:MESSAGE_MAX])
    except Unsent:
        pass


def send(kind, data):
    # a child that the code has forked comes by here as well
    if posix.getpid() != PID:
        return

    data = kind + b"%d\n" % len(data) + data

    try:
        while data:
            data = data[posix.write(VALUE_FD, data):]

        posix.close(VALUE_FD)

    except OSError as e:
        raise Unsent(str(e)) from None


def complain(text):
    # behind what the code has printed, and whatever it did to sys.stderr
    for fd, name in (1, "stdout"), (2, "stderr"):
        try:
            getattr(sys, name).flush()

        except OSError:
            # it can never be written: not to be tried again at the end
            drop(fd)

        except BaseException:
            pass

    data = text.encode("utf-8", "backslashreplace")

    try:
        while data:
            data = data[posix.write(2, data):]
    except OSError:
        pass


def drop(fd):
    null = posix.open("/dev/null", posix.O_WRONLY)

    if null != fd:
        posix.dup2(null, fd)
        posix.close(null)


def describe(e):
    """Prints the traceback of the code's own frames, returns its last line."""

    kind = type(e).__name__

    try:
        if isinstance(e, SyntaxError):
            add_line(e)

        shown = with_source().TracebackException(type(e), e, own_frames(e))

        if not hook(e):
            complain("".join(shown.format()))

        last = "".join(list(shown.format_exception_only())[:1]).strip()

        if isinstance(e, SyntaxError):
            last = "%s: %s" % (kind, syntax_error(e))

    except BaseException:
        # an exception whose __str__ raises, a stdlib that was replaced
        complain("%s\n" % kind)
        return kind

    return last or kind


def hook(e):
    """Whether the code has a way of its own to show what nobody caught."""

    if sys.excepthook is sys.__excepthook__:
        return False

    try:
        sys.excepthook(type(e), e, own_frames(e))
        return True

    except BaseException:
        return False


def with_source():
    """The module traceback, that has the lines of the code."""

    linecache = _stdlib("linecache")
    linecache.cache[NAME] = (len(source), None, source_lines(), NAME)

    return _stdlib("traceback")


def source_lines():
    """As the compiler counts them, and each with its end."""

    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    if lines[-1] == "":
        lines.pop()

    return [line + "\n" for line in lines]


def add_line(e):
    # the compiler has none for an error that is not one of the grammar
    if e.filename == NAME and e.text is None and e.lineno:
        e.text = "".join(source_lines()[e.lineno - 1:e.lineno])


def syntax_error(e):
    text = str(e)
    line = "line %s)" % e.lineno

    if e.offset and e.offset > 0 and text.endswith(line):
        return "%s, column %d)" % (text[:-1], e.offset)

    return text


def unraisable(args):
    title = (args.err_msg or "Exception ignored in") + ":"

    show(args, sys.__unraisablehook__, title, args.object)


def thread_failed(args, otherwise=_thread._excepthook):
    if args.exc_type is SystemExit:
        return

    name = args.thread.name if args.thread else _thread.get_ident()

    show(args, otherwise, "Exception in thread %s:" % name)


def show(args, otherwise, title, subject=None):
    """What the interpreter would print, with the lines of the code."""

    try:
        if subject is not None:
            title += " %r" % (subject,)

        lines = with_source().format_exception(args.exc_type, args.exc_value,
                                               args.exc_traceback)
        sys.stderr.write("%s\n%s" % (title, "".join(lines)))
        sys.stderr.flush()

    except BaseException:
        otherwise(args)


def own_frames(e):
    here = sys._getframe().f_code.co_filename
    tb = e.__traceback__

    while tb and tb.tb_frame.f_code.co_filename == here:
        tb = tb.tb_next

    # below asyncio, say
    first = tb

    while first and first.tb_frame.f_code.co_filename != NAME:
        first = first.tb_next

    return first or tb


def is_codes_own(e):
    tb = e.__traceback__

    while tb and tb.tb_frame.f_code.co_filename != NAME:
        tb = tb.tb_next

    return tb is not None


def _stdlib(name):
    """A module of the standard library, whatever the code's own are called."""

    if name in kept:
        return kept[name]

    path = sys.path[:]
    others = {key: module for key, module in sys.modules.items()
              if not from_stdlib(module)}

    try:
        for key in others:
            del sys.modules[key]

        sys.path[:] = STDLIB
        kept[name] = __import__(name)

    finally:
        sys.path[:] = path
        sys.modules.update(others)

    return kept[name]


def from_stdlib(module):
    path = getattr(module, "__file__", None)

    if path is None:
        return True

    # these may be below it
    if "/site-packages/" in path or "/dist-packages/" in path:
        return False

    return any(path.startswith(folder + "/") for folder in STDLIB)


main()
