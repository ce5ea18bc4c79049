"""invoke, and the forms of its headers."""

from __future__ import annotations

import hashlib
import hmac

from faas_cli_rows.row import DEPLOY, ENV, REMOVE, Row

SIGNED = hmac.new(b"k", b"body", hashlib.sha256).hexdigest()

INVOKE = [
    Row("invoke", "invoke ECHO", "body", body="body"),
    Row("invoke of nothing", "invoke ECHO", ""),
    Row("invoke -n", "invoke ECHO -n openfaas-fn", "body", body="body"),
    Row("invoke drops a path of the gateway's URL", "invoke ECHO -g GW/path", "body", body="body"),
    Row("invoke -a", "invoke ECHO -a", error="Function submitted asynchronously.\n", body="body"),
    Row("invoke --async", "invoke --async ECHO", error="Function submitted asynchronously.\n"),
    Row(
        "invoke is a POST of plain text, by faas-cli",
        "invoke FN",
        "⋮Http_Content_Type=text/plain\n⋮",
        given=ENV,
        after=f"faas-cli invoke FN < /dev/null > told; {REMOVE}",
        writes={"told": "⋮Http_User_Agent=faas-cli/0.18.12 (openfaas; …; …)\n⋮"},
    ),
    Row(
        "invoke sends no password",
        "invoke FN | grep -ci authorization",
        "0\n",
        1,
        given=ENV,
        after=REMOVE,
    ),
    Row(
        "invoke --auth sends none either: a login with a password gives no token",
        "invoke FN --auth | grep -ci authorization",
        "0\n",
        1,
        given=ENV,
        after=REMOVE,
    ),
    Row(
        "invoke --content-type",
        "invoke FN --content-type a/b",
        "⋮Http_Content_Type=a/b\n⋮",
        given=ENV,
        after=REMOVE,
    ),
    Row("invoke -m PUT", "invoke FN -m PUT", "⋮Http_Method=PUT\n⋮", given=ENV, after=REMOVE),
    Row(
        "invoke --method DELETE",
        "invoke FN --method DELETE",
        "⋮Http_Method=DELETE\n⋮",
        given=ENV,
        after=REMOVE,
    ),
    Row("invoke -m of no method calls nobody", "invoke nobody -m TRACE", ""),
    Row(
        "invoke --query",
        "invoke FN --query b=2 --query 'a=x y'",
        "⋮Http_Query=a=x+y&b=2\n⋮",
        given=ENV,
        after=REMOVE,
    ),
    Row(
        "invoke --query of no pair",
        "invoke ECHO --query a",
        "The --query flag must take the form of key=value\n",
        1,
    ),
    Row(
        "invoke --sign",
        "invoke FN --sign X-Hub-Signature --key k",
        f"⋮Http_X_Hub_Signature=sha256={SIGNED}\n⋮",
        body="body",
        given=ENV,
        after=REMOVE,
    ),
    Row(
        "invoke --sign without --key",
        "invoke ECHO --sign X",
        "Signing requires both --sign <header-value> and --key <key-value>\n",
        1,
    ),
    Row(
        "-H 'K: V'",
        "invoke FN -H 'X-A: http://h/p?a=b'",
        "⋮Http_X_A=http://h/p?a=b\n⋮",
        given=ENV,
        after=REMOVE,
    ),
    Row("-H K:V", "invoke FN --header X-A:1", "⋮Http_X_A=1\n⋮", given=ENV, after=REMOVE),
    Row(
        "-H K=V, with a warning",
        "invoke FN -H X-A=http://h/p",
        "⋮Http_X_A=http://h/p\n⋮",
        error="Warning: Using deprecated 'key=value' format for headers."
        " Please use 'Key: Value' format instead.\n",
        given=ENV,
        after=REMOVE,
    ),
    Row(
        "-H 'K V', as in the lab text",
        "invoke FN -H 'X-A http://h/p'",
        "⋮Http_X_A=http://h/p\n⋮",
        error="Warning: …\n",
        given=ENV,
        after=REMOVE,
    ),
    Row(
        "-H of no form",
        "invoke ECHO -H X-A",
        "The --header or -H flag must take the form of 'Key: Value' or 'key=value'\n",
        1,
    ),
    Row("invoke of an unknown function", "invoke FN", "Server returned unexpected status code: 404 - ⋮", 1),
    Row(
        "invoke of one that fails",
        "invoke FN",
        "Server returned unexpected status code: 500 - exit status 1\n⋮",
        1,
        given=f"{DEPLOY} --fprocess false",
        after=REMOVE,
    ),
    Row("invoke of nobody", "invoke", "Please provide a name for the function\n", 1),
]
