"""Rows for invoke and the forms of its headers."""

from __future__ import annotations

import hashlib
import hmac

from faas_cli_rows.row import DEPLOY, ENV, REMOVE, Row, env_row

SIGNED = hmac.new(b"k", b"body", hashlib.sha256).hexdigest()

INVOKE = [
    Row("invoke", "invoke ECHO", "body", body="body"),
    Row("invoke with an empty body", "invoke ECHO", ""),
    Row("invoke -n", "invoke ECHO -n openfaas-fn", "body", body="body"),
    Row("invoke drops a path of the gateway's URL", "invoke ECHO -g GW/path", "body", body="body"),
    Row("invoke -a", "invoke ECHO -a", error="Function submitted asynchronously.\n", body="body"),
    Row("invoke --async", "invoke --async ECHO", error="Function submitted asynchronously.\n"),
    Row(
        "invoke is a POST of plain text, by faas-cli",
        "invoke FN",
        "⋮Http_Content_Type=text/plain\n⋮",
        given=ENV,
        after=f"faas-cli invoke FN < /dev/null > printed; {REMOVE}",
        writes={"printed": "⋮Http_User_Agent=faas-cli/0.18.12 (openfaas; …; …)\n⋮"},
    ),
    env_row(
        "invoke sends no password",
        "invoke FN | grep -ci authorization",
        "0\n",
        1,
    ),
    env_row(
        "invoke --auth sends none: a login with a password provides no token",
        "invoke FN --auth | grep -ci authorization",
        "0\n",
        1,
    ),
    env_row(
        "invoke --content-type",
        "invoke FN --content-type a/b",
        "⋮Http_Content_Type=a/b\n⋮",
    ),
    env_row("invoke -m PUT", "invoke FN -m PUT", "⋮Http_Method=PUT\n⋮"),
    env_row(
        "invoke --method DELETE",
        "invoke FN --method DELETE",
        "⋮Http_Method=DELETE\n⋮",
    ),
    Row("invoke with an unknown method sends nothing", "invoke unknown -m TRACE", ""),
    env_row(
        "invoke --query",
        "invoke FN --query b=2 --query 'a=x y'",
        "⋮Http_Query=a=x+y&b=2\n⋮",
    ),
    Row(
        "invoke --query that is not a pair",
        "invoke ECHO --query a",
        "The --query flag must take the form of key=value\n",
        1,
    ),
    env_row(
        "invoke --sign",
        "invoke FN --sign X-Hub-Signature --key k",
        f"⋮Http_X_Hub_Signature=sha256={SIGNED}\n⋮",
        body="body",
    ),
    Row(
        "invoke --sign without --key",
        "invoke ECHO --sign X",
        "Signing requires both --sign <header-value> and --key <key-value>\n",
        1,
    ),
    env_row(
        "-H 'K: V'",
        "invoke FN -H 'X-A: http://h/p?a=b'",
        "⋮Http_X_A=http://h/p?a=b\n⋮",
    ),
    env_row("-H K:V", "invoke FN --header X-A:1", "⋮Http_X_A=1\n⋮"),
    env_row(
        "-H K=V, with a warning",
        "invoke FN -H X-A=http://h/p",
        "⋮Http_X_A=http://h/p\n⋮",
        error="Warning: Using deprecated 'key=value' format for headers."
        " Please use 'Key: Value' format instead.\n",
    ),
    env_row(
        "-H 'K V', as in the lab text",
        "invoke FN -H 'X-A http://h/p'",
        "⋮Http_X_A=http://h/p\n⋮",
        error="Warning: …\n",
    ),
    Row(
        "-H in another form",
        "invoke ECHO -H X-A",
        "The --header or -H flag must take the form of 'Key: Value' or 'key=value'\n",
        1,
    ),
    *(
        Row(
            f"invoke of {name} does not call the function before the special character",
            f"invoke '{name}'",
            "Server returned unexpected status code: 404 - ⋮",
            1,
        )
        for name in ("ECHO#x", "ECHO?a=b", "ECHO%20x", "ECHO x", "ECHOü")
    ),
    Row(
        "invoke of a path", "invoke ../system/functions", "Server returned unexpected status code: 40… - ⋮", 1
    ),
    *(
        env_row(
            f"-H '{header}' is not sent",
            f"invoke FN -H '{header}'",
            f"⋮{sent}\n⋮",
            body="body",
        )
        for header, sent in (
            ("Content-Length: 3", "Http_Content_Length=4"),
            ("Transfer-Encoding: chunked", "Http_Content_Length=4"),
            ("User-Agent: me", "Http_User_Agent=faas-cli/0.18.12 (openfaas; …; …)"),
        )
    ),
    env_row("gzip is accepted", "invoke FN", "⋮Http_Accept_Encoding=gzip\n⋮"),
    env_row("-H Accept-Encoding", "invoke FN -H 'Accept-Encoding: br'", "⋮Http_Accept_Encoding=br\n⋮"),
    *(
        Row(f"-H '{header}' does not harm", f"invoke ECHO -H '{header}'", "body", body="body")
        for header in (
            *("Expect: 100-continue", "Connection: close", "Connection: keep-alive", "Te: trailers"),
            *("Content-Encoding: gzip", "Host: elsewhere", "Trailer: X", "Keep-Alive: 5"),
        )
    ),
    Row(
        "-H with a newline",
        "invoke ECHO -H $'X-A: a\\nEvil: b'",
        'Failed to invoke function: Post "GW/function/ECHO.openfaas-fn": net/http: invalid header field'
        ' value for "X-A"\n⋮',
        1,
    ),
    Row(
        "-H with a name that is none",
        "invoke ECHO -H 'X A: 1'",
        'Failed to invoke function: Post "GW/function/ECHO.openfaas-fn": net/http: invalid header field'
        ' name "X A"\n⋮',
        1,
    ),
    # Go opens a closed standard stream as /dev/null (runtime/fds_unix.go).
    Row(
        "invoke without standard input",
        "invoke ECHO <&-",
        error="Reading from STDIN - hit (Control + D) to stop.\n",
    ),
    Row(
        "a terminal or /dev/null as input",
        "invoke ECHO < /dev/null",
        error="Reading from STDIN - hit (Control + D) to stop.\n",
    ),
    Row("invoke of an unknown function", "invoke FN", "Server returned unexpected status code: 404 - ⋮", 1),
    Row(
        "invoke of a failing function",
        "invoke FN",
        "Server returned unexpected status code: 500 - exit status 1\n⋮",
        1,
        given=f"{DEPLOY} --fprocess false",
        after=REMOVE,
    ),
    Row("invoke without a name", "invoke", "Please provide a name for the function\n", 1),
]
