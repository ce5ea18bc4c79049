"""Rows for deploy, remove, list, describe, logs, ready, store, version."""

from __future__ import annotations

from faas_cli_rows.row import BUILT, DEPLOY, DEPLOYED, DOWN, REMOVE, Row, stack

MINE = stack("FN").replace("lang: dockerfile", "lang: mine").replace("me/FN", "functions/alpine")

ALPINE = (
    "provider:\n  name: openfaas\nfunctions:\n  FN:\n    image: functions/alpine:latest\n    fprocess: cat\n"
)
THING = """{"version": "0.2.0", "functions": [{"name": "thing", "title": "Thing", "fprocess": "env",
"images": {"x86_64": "functions/alpine:latest"}, "environment": {"A": "store", "B": "store"},
"labels": {"l": "store"}, "annotations": {"a": "store"}}]}"""

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
        "an empty list of constraints in the stack file wins over --constraint",
        "deploy --constraint x=y",
        f"Deploying: FN.\n{DEPLOYED}",
        files={"stack.yaml": ALPINE + "    constraints: []\n"},
        after=f"faas-cli describe FN -v > seen; {REMOVE}",
        writes={"seen": "⋮Constraints: … <none>⋮"},
    ),
    Row(
        "--constraint fills in for a null",
        "deploy --constraint x=y",
        f"Deploying: FN.\n{DEPLOYED}",
        files={"stack.yaml": ALPINE + "    constraints:\n"},
        after=f"faas-cli describe FN -v > seen; {REMOVE}",
        writes={"seen": "⋮Constraints:\n - x=y\n⋮"},
    ),
    Row(
        "deploy reads the environment_file before the flags",
        "deploy -l bad -e bad",
        "Deploying: FN.\nOpen none.yml: no such file or directory\n",
        1,
        files={"stack.yaml": ALPINE + "    environment_file: [none.yml]\n"},
    ),
    Row(
        "deploy with an empty -f takes the function of the flags",
        f"{DEPLOY.removeprefix('faas-cli ')} -f ''",
        DEPLOYED,
        files={"stack.yaml": stack("other")},
        after=REMOVE,
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
        "deploy",
        f"Deploying: FN.\n{DEPLOYED}",
        files={"template/mine/template.yml": "language: mine\nfprocess: env\n", "stack.yaml": MINE},
        after=f"faas-cli invoke FN > printed; {REMOVE}",
        writes={"printed": "⋮Http_Method=POST⋮"},
    ),
    Row(
        "deploy without the template",
        "deploy",
        'Deploying: FN.\nTemplate directory may be missing or invalid, please run "faas-cli template pull"\n'
        "Error: stat ./template/mine/template.yml: no such file or directory\n",
        1,
        files={"stack.yaml": MINE},
    ),
    Row(
        "deploy by flags reads no template",
        "deploy --image=functions/alpine:latest --name FN --lang mine",
        DEPLOYED,
        after=REMOVE,
    ),
    Row(
        "deploy --read-template=false",
        "deploy --read-template=false",
        f"Deploying: FN.\n{DEPLOYED}",
        files={"stack.yaml": MINE},
        after=REMOVE,
    ),
    Row(
        "deploy of an image without a tag deploys latest",
        "deploy",
        f"Deploying: FN.\n{DEPLOYED}",
        files={"stack.yaml": stack("FN").replace("me/FN:latest", "functions/alpine")},
        after=f"faas-cli describe FN | grep Image > printed; {REMOVE}",
        writes={"printed": "Image:              functions/alpine:latest\n"},
    ),
    Row(
        "deploy's flags against the stack file",
        "deploy --fprocess sha1sum -e A=flag -e B=flag -n '' --label l=flag --annotation a=flag"
        " --image no/such --name other --cpu-limit 1",
        f"Deploying: FN.\n{DEPLOYED}",
        files={
            "stack.yaml": stack(
                "FN\nfprocess: env\nenvironment: {A: file, C: file}\nlabels: {l: file, m: file}\n"
                "annotations: {a: file}\nlimits: {memory: 64Mi}"
            ).replace("me/FN", "functions/alpine")
        },
        after=f"faas-cli describe FN > printed; {REMOVE}",
        writes={
            "printed": "⋮Function Process:   env\n⋮Labels:\n⋮ l: flag\n⋮ m: file\n⋮Annotations:\n⋮ a: flag\n⋮"
            "Environment:\n A: flag\n B: flag\n C: file\n⋮Limits:\n CPU: \n Memory: 64Mi\n⋮"
        },
    ),
    Row(
        "deploy -e that is no pair, with a stack file",
        "deploy -e A",
        "Deploying: FN.\nError parsing envvars: label format is not correct, needs key=value\n",
        1,
        files={"stack.yaml": stack("FN")},
    ),
    Row(
        "deploy by flags next to a stack file deploys the stack file's functions",
        "deploy --image=functions/alpine:latest --name other --filter F*",
        "No functions matching --filter/--regex were found in the YAML file\n",
        1,
        files={"stack.yaml": stack("ab")},
    ),
    Row(
        "deploy by flags ignores the gateway of a stack file without functions",
        DEPLOY.removeprefix("faas-cli "),
        DEPLOYED,
        files={"stack.yaml": f"provider:\n  name: openfaas\n  gateway: {DOWN}\n"},
        after=REMOVE,
    ),
    Row("deploy --timeout", f"{DEPLOY.removeprefix('faas-cli ')} --timeout 30s", DEPLOYED, after=REMOVE),
    Row(
        "deploy --timeout that is too short",
        f"{DEPLOY.removeprefix('faas-cli ')} --timeout 1ns",
        "\nIs OpenFaaS deployed? Do you need to specify the --gateway flag?\n⋮"
        "Function 'FN' failed to deploy with status code: 500\n",
        1,
        after="faas-cli remove FN",
    ),
    Row(
        "deploy --timeout that is no duration",
        f"{DEPLOY.removeprefix('faas-cli ')} --timeout 5",
        'Invalid argument "5" for "--timeout" flag: time: missing unit in duration "5"\n',
        1,
    ),
    Row(
        "deploy with flags before the verb",
        "-f a.yaml --tls-no-verify=true -e A=1 deploy",
        f"Deploying: FN.\n{DEPLOYED}",
        files={"a.yaml": stack("FN").replace("me/FN", "functions/alpine")},
        after=REMOVE,
    ),
    Row(
        "deploy --replace of a function that does not exist",
        f"{DEPLOY.removeprefix('faas-cli ')} --replace --update=false",
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
        "Deleting: FN.\n",
        files={"stack.yaml": stack("FN")},
    ),
    Row(
        "remove by the stack file removes all",
        "rm -f a.yaml",
        "Deleting: FN.\nRemoving old function.\nDeleting: FN-b.\nRemoving old function.\n",
        given=f"{DEPLOY} && {DEPLOY}-b",
        files={"a.yaml": stack("FN", "FN-b")},
    ),
    Row(
        "remove of several names removes the first",
        "remove FN ECHO",
        "Deleting: FN.\nNo existing function to remove\n",
        1,
    ),
    Row(
        "remove from an address without a gateway",
        f"remove FN -g {DOWN}",
        f'Deleting: FN.\nError removing existing function: Delete "{DOWN}/system/functions": dial tcp'
        f" 127.0.0.1:1: connect: connection refused, gateway={DOWN}, functionName=FN\n"
        f'Delete "{DOWN}/system/functions": dial tcp 127.0.0.1:1: connect: connection refused\n⋮',
        1,
    ),
    Row(
        "remove of a name with special characters",
        "remove '../x#y?z'",
        "Deleting: ../x#y?z.\n⋮",
        1,
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
    Row("describe of a name with special characters", "describe 'ECHO#x'", "No such function: ECHO#x\n", 1),
    Row("describe of a name with a query", "describe 'ECHO?a=b'", "No such function: ECHO?a=b\n", 1),
    Row("describe of a name with a space", "describe 'ECHO x'", "No such function: ECHO x\n", 1),
    Row("describe of a path", "describe ./ECHO", "⋮\nURL:                GW/function/./ECHO\n⋮"),
    Row(
        "describe without a gateway",
        f"describe ECHO -g {DOWN}",
        f'Cannot connect to URL: {DOWN}, error: Get "{DOWN}/system/function/ECHO?usage=1":'
        " dial tcp 127.0.0.1:1: connect: connection refused\n⋮",
        1,
    ),
    Row("describe without a name", "describe", "Please provide a name for the function\n", 1),
    # -- logs, ready
    Row("logs", "logs ECHO --tail=false --since=1h --lines=1", "20…-…-…T…:…:…Z …\n"),
    Row("logs -o keyvalue", "logs ECHO -t=false --lines 1 -o keyvalue", 'timestamp="20…Z" text="…" \n'),
    Row("logs -o JSON is plain", "logs ECHO -t=false --lines 1 -o JSON", "20…Z …\n"),
    Row(
        "logs -o in another form",
        "logs ECHO -o xml",
        'Invalid argument "xml" for "-o, --output" flag: unknown log format: \'xml\'\n',
        1,
    ),
    Row(
        "logs -o json",
        "logs ECHO --tail=false --lines 1 -o json",
        '{"name":"ECHO","namespace":"openfaas-fn","instance":"…","timestamp":"…","text":"…"}\n',
    ),
    Row("logs -j", "logs ECHO --tail=false --lines 1 -j", '{"name":"ECHO",…}\n'),
    Row("logs --time-format rfc822", "logs ECHO -t=false --lines 1 --time-format rfc822", "… 2… …:… UTC …\n"),
    Row("logs without a time", "logs ECHO -t=false --lines 1 --time-format= --name", "ECHO …\n"),
    Row("logs --since-time", "logs ECHO --tail=false --since-time 2030-01-01T00:00:00Z"),
    Row(
        "logs --since-time that is no time",
        "logs ECHO --since-time today",
        'Invalid argument "today" for "--since-time" flag: parsing time "today" as'
        ' "2006-01-02T15:04:05Z07:00": cannot parse "today" as "2006"\n',
        1,
    ),
    Row(
        "logs --since that is no duration",
        "logs ECHO --since 5",
        'Invalid argument "5" for "--since" flag: time: missing unit in duration "5"\n',
        1,
    ),
    Row("logs of two functions", "logs a b", "Accepts at most 1 arg(s), received 2\n", 1),
    Row("logs of no function", "logs", "Function name is required\n", 1),
    Row(
        "logs of an unknown function",
        "logs FN --tail=false",
        "Server returned unexpected status code: 404 - function FN not found\n\n",
        1,
    ),
    Row("ready", "ready", "[1/60] Waiting for gateway\nOpenFaaS gateway is ready\n"),
    Row("ready FN", "ready ECHO", "[1/60] Waiting for function ECHO\nFunction ECHO is ready\n"),
    Row(
        "ready fails after all attempts",
        "ready FN --attempts 2 --interval 1ms",
        "[1/2] Waiting for function FN\n[1/2] Error getting function info: no such function: FN\n"
        "[2/2] Waiting for function FN\n[2/2] Error getting function info: no such function: FN\n"
        "Function FN not ready after: 0s\n",
        1,
    ),
    Row("ready -n", "ready ECHO -n openfaas-fn", "[1/60] Waiting for function ECHO.openfaas-fn\n⋮"),
    Row(
        "ready without a gateway",
        f"ready -g {DOWN} --attempts 1 --interval 1ms",
        f'[1/1] Waiting for gateway\n[1/1] Error reaching OpenFaaS gateway: Get "{DOWN}/healthz": dial tcp'
        f" 127.0.0.1:1: connect: connection refused\nGateway: {DOWN} not ready after: 0s\n",
        1,
    ),
    Row("ready --attempts 0", "ready --attempts 0", "Attempts must be greater than 0\n", 1),
    Row(
        "ready --interval in seconds",
        "ready --interval 1",
        'Invalid argument "1" for "--interval" flag: time: missing unit in duration "1"\n',
        1,
    ),
    # -- store, version
    Row("store list", "store list", "\nFUNCTION AUTHOR   DESCRIPTION\n⋮figlet   openfaas Figlet\n⋮"),
    Row("store inspect", "store inspect figlet", "Title:…Figlet\n⋮Process:…figlet\n⋮"),
    Row("store deploy", "store deploy env --name FN", DEPLOYED, after=REMOVE),
    Row(
        "store deploy's --env wins over the store, the store's labels over --label",
        "store deploy thing --url store.json --name FN -e A=flag -e C=3 -l l=flag --annotation a=flag",
        DEPLOYED,
        files={"store.json": THING},
        after=f"faas-cli describe FN --json > seen.json; {REMOVE}",
        writes={
            "seen.json": '⋮"envVars": {\n    "A": "flag",\n    "B": "store",\n    "C": "3"\n  },\n⋮'
            '"l": "store"\n⋮"a": "store"⋮'
        },
    ),
    Row(
        "store deploy --env without a value",
        "store deploy env --name FN -e A",
        "Label format is not correct, needs key=value\n",
        1,
    ),
    Row(
        "store deploy --label without a value",
        "store deploy env --name FN -l A",
        "Error parsing labels: label format is not correct, needs key=value\n",
        1,
    ),
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
