"""Rows for deploy, remove, list, describe, logs, ready, store, version."""

from __future__ import annotations

from faas_cli_rows.row import BUILT, DEPLOY, DEPLOYED, DOWN, REMOVE, Row, stack

FUNCTIONS = [
    # -- deploy
    Row("deploy by flags", DEPLOY.removeprefix("faas-cli "), DEPLOYED, after=REMOVE),
    Row(
        "deploy by the stack file",
        "deploy",
        f"Deploying: FN.\n{DEPLOYED}",
        given="faas-cli build",
        files=BUILT,
        after=REMOVE,
    ),
    Row(
        "deploy twice",
        DEPLOY.removeprefix("faas-cli "),
        DEPLOYED,
        given=DEPLOY,
        after=REMOVE,
    ),
    Row(
        "deploy --replace --update=false",
        f"{DEPLOY.removeprefix('faas-cli ')} --replace --update=false",
        f"Removing old function.\n{DEPLOYED}",
        given=DEPLOY,
        after=REMOVE,
    ),
    Row(
        "deploy --replace alone",
        f"{DEPLOY.removeprefix('faas-cli ')} --replace",
        "Cannot specify --update and --replace at the same time. ⋮",
        1,
    ),
    Row(
        "deploy --update=false of an existing function",
        f"{DEPLOY.removeprefix('faas-cli ')} --update=false",
        "\nUnexpected status: 400, message: …\n\n\nFunction 'FN' failed to deploy with status code: 400\n",
        1,
        given=DEPLOY,
        after=REMOVE,
    ),
    Row(
        "deploy of an unknown image",
        "deploy --image=me/FN --name FN",
        "\nUnexpected status: 400, message: …\n\n\nFunction 'FN' failed to deploy with status code: 400\n",
        1,
    ),
    Row(
        "deploy's flags reach the gateway",
        f"{DEPLOY.removeprefix('faas-cli ')} --fprocess env -e A=1 --env B=2 -l c=3 --annotation d=4"
        " --readonly --constraint e --cpu-limit 1 --memory-request 5Mi",
        DEPLOYED,
        after=f"faas-cli list -j > list.json; {REMOVE}",
        writes={
            "list.json": '⋮"name": "FN",⋮"envProcess": "env",⋮"envVars": {\n      "A": "1",\n'
            '      "B": "2"\n    },⋮'
        },
    ),
    Row(
        "deploy --secret of a missing secret",
        f"{DEPLOY.removeprefix('faas-cli ')} --secret FN",
        "\nUnexpected status: 400, message: unable to find secret: FN\n⋮",
        1,
    ),
    Row(
        "deploy -n",
        f"{DEPLOY.removeprefix('faas-cli ')} -n FN",
        "\nDeployed. 202 Accepted.\nURL: GW/function/FN.FN\n\n",
        given="faas-cli namespace create FN",
        after="faas-cli remove FN -n FN; faas-cli namespace delete FN",
    ),
    Row(
        "deploy reads the process from the template",
        "deploy --image=functions/alpine:latest --name FN --lang mine",
        DEPLOYED,
        files={"template/mine/template.yml": "language: mine\nfprocess: env\n"},
        after=f"faas-cli invoke FN > printed; {REMOVE}",
        writes={"printed": "⋮Http_Method=POST⋮"},
    ),
    Row(
        "deploy without the template",
        "deploy --image=functions/alpine:latest --name FN --lang mine",
        'Template directory may be missing or invalid, please run "faas-cli template pull"\n'
        "Error: stat ./template/mine/template.yml: no such file or directory\n",
        1,
    ),
    Row(
        "deploy --read-template=false",
        "deploy --image=functions/alpine:latest --name FN --lang mine --read-template=false",
        DEPLOYED,
        after=REMOVE,
    ),
    Row(
        "deploy --tag",
        f"{DEPLOY.removeprefix('faas-cli ')} --tag latest",
        DEPLOYED,
        after=REMOVE,
    ),
    Row(
        "deploy to an address without a gateway",
        f"{DEPLOY.removeprefix('faas-cli ')} -g {DOWN}",
        "⋮Is OpenFaaS deployed? Do you need to specify the --gateway flag?\n⋮"
        "Function 'FN' failed to deploy with status code: 500\n",
        1,
    ),
    Row(
        "deploy over plain HTTP to elsewhere",
        f"{DEPLOY.removeprefix('faas-cli ')} -g http://127.0.0.2:1",
        "WARNING! You are not using an encrypted connection to the gateway, consider using HTTPS.\n⋮",
        1,
    ),
    # -- remove
    Row("remove", "remove FN", "Deleting: FN.\nRemoving old function.\n", given=DEPLOY),
    Row("rm", "rm FN", "Deleting: FN.\nRemoving old function.\n", given=DEPLOY),
    Row("delete", "delete FN", "Deleting: FN.\nRemoving old function.\n", given=DEPLOY),
    Row("remove of an unknown function", "remove FN", "Deleting: FN.\nNo existing function to remove\n", 1),
    Row("remove -n", "remove FN -n dev", "Deleting: FN.dev\nNo existing function to remove\n", 1),
    Row(
        "remove by the stack file swallows errors",
        "remove",
        "Deleting: FN.\nNo existing function to remove\n",
        files={"stack.yaml": stack("FN")},
    ),
    # -- list, describe
    Row(
        "list",
        "list",
        f"{'Function':<30}\t{'Invocations':<15}\tReplicas\n⋮ECHO{' ' * 22}\t…\t1    \n⋮",
    ),
    Row("ls -q", "ls -q", "⋮ECHO\n⋮"),
    Row("list -j", "list -j", '[\n  {\n⋮    "name": "ECHO",\n⋮'),
    Row(
        "list -v",
        "list -v",
        "Function…\tImage…\tCreatedAt\n"
        "⋮ECHO…\tfunctions/alpine:latest…\t…\t1    \t\t20…-…-… …:…:… +0000 UTC\n⋮",
    ),
    Row(
        "list --sort invocations",
        "list --sort invocations -q -n FN",
        "b\na\n",
        given="faas-cli namespace create FN; for name in a b; do"
        " faas-cli deploy --image=functions/alpine:latest --name $name -n FN; done;"
        " faas-cli invoke b -n FN < /dev/null",
        after="faas-cli rm a -n FN; faas-cli rm b -n FN; faas-cli namespace delete FN",
    ),
    Row("list --sort name", "list --sort name -q", "⋮ECHO\n⋮"),
    Row("list --sort creation", "list --sort creation -q", "⋮ECHO\n⋮FN\n", given=DEPLOY, after=REMOVE),
    Row(
        "list -n",
        "list -n FN -q",
        "",
        given="faas-cli namespace create FN",
        after="faas-cli namespace delete FN",
    ),
    Row(
        "describe",
        "describe FN",
        "Name:               FN\nStatus:             Ready\nReplicas:           1\n"
        "Available Replicas: 1\nInvocations:        0\nImage:              functions/alpine:latest\n"
        "Function Process:   …\nURL:                GW/function/FN\n"
        "Async URL:          GW/async-function/FN\n⋮",
        given=f"{DEPLOY} && faas-cli ready FN --interval 50ms",
        after=REMOVE,
    ),
    Row("describe -v", "describe ECHO -v", "⋮Constraints:…<none>\n⋮Secrets:…<none>\n⋮Limits:…<none>\n⋮"),
    Row(
        "describe --json",
        "describe FN --json",
        '{\n  "name": "FN",\n  "image": "functions/alpine:latest",\n⋮  "availableReplicas": 1,\n'
        '  "createdAt": "20…Z",\n⋮  "Status": "Ready",\n  "InvocationCount": 0,\n'
        '  "URL": "GW/function/FN",\n  "AsyncURL": "GW/async-function/FN"\n}\n',
        given=f"{DEPLOY} && faas-cli ready FN --interval 50ms",
        after=REMOVE,
    ),
    Row("describe --json of an unknown function", "describe FN -j", "No such function: FN\n", 1),
    Row("describe of an unknown function", "describe FN", "No such function: FN\n", 1),
    Row("describe without a name", "describe", "Please provide a name for the function\n", 1),
    # -- logs, ready
    Row("logs", "logs ECHO --tail=false --since=1h --lines=1", "20…-…-…T…:…:…Z …\n"),
    Row("logs -o keyvalue", "logs ECHO -t=false --lines 1 -o keyvalue", 'timestamp="20…Z" text="…" \n'),
    Row(
        "logs -o json",
        "logs ECHO --tail=false --lines 1 -o json",
        '{"name":"ECHO","namespace":"openfaas-fn","instance":"…","timestamp":"…","text":"…"}\n',
    ),
    Row("logs --since-time", "logs ECHO --tail=false --since-time 2030-01-01T00:00:00Z"),
    Row("logs of an unknown function", "logs FN --tail=false", "No such function: FN\n", 1),
    Row("ready", "ready", "[1/60] Waiting for gateway\nOpenFaaS gateway is ready\n"),
    Row("ready FN", "ready ECHO", "[1/60] Waiting for function ECHO\nFunction ECHO is ready\n"),
    Row(
        "ready fails after all attempts",
        "ready FN --attempts 2 --interval 1ms",
        "[1/2] Waiting for function FN\n[1/2] Error…\n[2/2] Waiting for function FN\n[2/2] Error…\n"
        "Function FN not ready after: 2ms\n",
        1,
    ),
    # -- store, version
    Row("store list", "store list", "\nFUNCTION AUTHOR   DESCRIPTION\n⋮figlet   openfaas Figlet\n⋮"),
    Row("store inspect", "store inspect figlet", "Title:…Figlet\n⋮Process:…figlet\n⋮"),
    Row("store deploy", "store deploy env --name FN", DEPLOYED, after=REMOVE),
    Row(
        "store deploy of an unknown function",
        "store deploy FN",
        "Function 'FN' not found for platform 'x86_64'\n⋮",
        1,
    ),
    Row(
        "version",
        "version",
        "⋮CLI:\n  commit:  …\n  version: 0.18.12\n\nGateway\n uri:     GW\n⋮Provider\n name: …\n⋮",
    ),
    Row("version --short-version", "version --short-version --warn-update=false", "0.18.12\n"),
]
