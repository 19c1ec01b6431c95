# Tries: to ask the internal API over the callback socket: each path of its
# own, some of the public API and of the loopback face, with all sorts of
# tokens.
# Stopped by: nginx asks the kernel who has connected, and closes what is no
# process 1; behind that, the token.
# Seen to get through with: the callback listener's look at who connects off:
# an answer of 401.
# Says: "stopped: ..."; "through: ..." and the status of any answer at all.


def handler(event):
    socket_path = "/run/sandbox-callback/internal.sock"
    session = event["session"]

    for path in ("/internal/sessions/%s/container_ready" % session,
                 "/internal/sessions/%s/start" % session,
                 "/internal/sessions/%s/settle" % session,
                 "/internal/executions/exec_20260101_aaaaaaaa/result",
                 "/internal/jobs/reconcile", "/api/v1/sessions", "/livez"):

        for token in "", "x", session, session + "." + "0" * 64, \
                     "loopback." + "0" * 64:
            attempt(path, http, socket_path, "POST", path, token, b"{}")

    attempt("get", http, socket_path, "GET", "/livez", "")
    return verdict()
