# Tries: to post a result of an execution that another session runs.
# Stopped by: the callback listener takes connections of a process 1 only; then
# the token, which code does not have.
# Seen to get through with: the callback listener's look at who connects off,
# and the token's check as well.
# Says: "stopped: ..."; "through: ..." if an answer was no refusal.  The test
# looks at the result of the other session's execution as well.

import json


def forge(execution, token):
    head = {"execution_id": execution, "status": "completed", "exit_code": 0,
            "error_message": None, "stdout_bytes": 6, "stderr_bytes": 0,
            "return_value_bytes": 0, "stdout_dropped": 0, "stderr_dropped": 0,
            "duration_ms": 1, "metrics": {}}
    status = http("/run/sandbox-callback/internal.sock", "POST",
                  "/internal/executions/%s/result" % execution, token,
                  json.dumps(head).encode() + b"\nforged")

    if status >= 400:
        raise OSError(errno.EACCES, str(status))

    return status


def handler(event, context):
    execution = event["execution"]

    for token in ("", "x", context.session_id,
                  context.session_id + "." + "0" * 64,
                  event["session"] + "." + "0" * 64):
        attempt("post", forge, execution, token)

    return verdict()
