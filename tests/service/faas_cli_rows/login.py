"""Rows with basic authentication on, without and with a saved login."""

from __future__ import annotations

from faas_cli_rows.admin import CREATE, FORGET
from faas_cli_rows.row import DEPLOY, DEPLOYED, DOWN, REMOVE, Row

REFUSED = 'nauthorized access, run "faas-cli login" to setup authentication for this server\n'
NO_ACTION = "Unauthorized action, please setup authentication for this server\n"

WITHOUT_LOGIN = [
    Row("list", "list", f"U{REFUSED}", 1),
    Row("describe", "describe ECHO", f"U{REFUSED}", 1),
    Row("logs", "logs ECHO --tail=false", f"U{REFUSED}", 1),
    Row("remove", "remove ECHO", f"Deleting: ECHO.\nU{REFUSED}", 1),
    Row("namespace list", "namespace list", "Check authorization, status code: 401\n", 1),
    Row("namespace create", "namespace create FN", f"Creating Namespace: FN\n{NO_ACTION}", 1),
    Row("namespace get", "namespace get FN", NO_ACTION, 1),
    Row("namespace remove", "namespace remove FN", f"Deleting Namespace: FN\n{NO_ACTION}", 1),
    Row("secret create", CREATE, f"Creating secret: FN.\nu{REFUSED}"),
    Row("secret list", "secret list", f"U{REFUSED}", 1),
    Row(
        "deploy",
        DEPLOY.removeprefix("faas-cli "),
        f"\nu{REFUSED}\nFunction 'FN' failed to deploy with status code: 401\n",
        1,
    ),
    Row(
        "login",
        "login -p wrong",
        "WARNING! …\nCalling the OpenFaaS server to validate the credentials...\n"
        "Unable to login, either username or password is incorrect\n",
        1,
    ),
    Row("login -u ''", "login -u '' -p x", "Must provide --username or -u\n", 1),
    Row(
        "login --password with --password-stdin",
        "login -p x -s",
        "WARNING! …\n--password and --password-stdin are mutually exclusive\n",
        1,
        body="y",
    ),
    Row(
        "login without standard input",
        "login -s <&-",
        "Must provide a non-empty password via --password or --password-stdin\n",
        1,
    ),
    Row(
        "login with a password that is not UTF-8",
        "login -p $'\\xff'",
        "WARNING! …\nCalling …\nUnable to login, either username or password is incorrect\n",
        1,
    ),
    Row(
        "login with an empty password",
        "login -s",
        "Must provide a non-empty password via --password or --password-stdin\n",
        1,
        body=" \n",
    ),
    Row(
        "login without a gateway",
        f"login -s -g {DOWN}",
        f'Calling …\nCannot connect to OpenFaaS on URL: {DOWN}. Get "{DOWN}/system/functions": dial tcp'
        " 127.0.0.1:1: connect: connection refused\n⋮",
        1,
        body="x",
    ),
    Row(
        "login --timeout that is too short",
        "login -s --timeout 1ns",
        "Calling …\nCannot connect to OpenFaaS on URL: GW. …context deadline exceeded…\n⋮",
        1,
        body="x",
    ),
    Row("logout without a login file", "logout", "Config file not found\n", 1),
    Row("logout -g ''", "logout -g ''", "Gateway cannot be an empty string\n", 1),
    Row("ready", "ready", "⋮OpenFaaS gateway is ready\n"),
    Row("invoke", "invoke ECHO", "body", body="body"),
    Row("invoke --async", "invoke ECHO -a", error="Function submitted asynchronously.\n"),
    Row("invoke --auth", "invoke ECHO --auth", "body", body="body"),
]

WITH_LOGIN = [
    Row(
        "logout of an unknown gateway",
        "logout -g Elsewhere:8080/",
        "Gateway http://elsewhere:8080 not found in config\n",
        1,
    ),
    Row("a login is of one spelling", "list -q -g LOCALHOST:${OPENFAAS_URL##*:}/", f"U{REFUSED}", 1),
    Row("a login is used with a slash", "list -q -g GW/", "⋮ECHO\n⋮"),
    Row("list", "list -q", "⋮ECHO\n⋮"),
    Row("deploy and remove", DEPLOY.removeprefix("faas-cli "), DEPLOYED, after=REMOVE),
    Row("describe", "describe ECHO", "⋮Status:             Ready\n⋮"),
    Row("logs", "logs ECHO --tail=false --lines=1", "20…\n"),
    Row("namespace list", "namespace list", "Namespaces:\n - openfaas-fn\n⋮"),
    Row("secret create", CREATE, "Creating secret: FN.\nCreated: 202 Accepted\n", after=FORGET),
    Row("invoke", "invoke ECHO", "body", body="body"),
    Row("invoke --async", "invoke ECHO -a", error="Function submitted asynchronously.\n"),
    Row("invoke --auth", "invoke ECHO --auth", "body", body="body"),
]
