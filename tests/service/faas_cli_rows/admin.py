"""Rows for namespaces and secrets."""

from __future__ import annotations

from faas_cli_rows.row import DEPLOY, DOWN, REMOVE, Row

NAMESPACES = [
    Row("namespace list", "namespace list", "Namespaces:\n - openfaas-fn\n⋮"),
    Row("namespace ls -j", "namespace ls -j", '[\n  "openfaas-fn"⋮]\n'),
    Row(
        "namespaces is deprecated",
        "namespaces",
        "Namespaces:\n - openfaas-fn\n⋮",
        error='Command "namespaces" is deprecated, This has moved to "faas-cli namespace list".\n',
    ),
    Row(
        "namespace create",
        "namespace create FN --label a=1 -l b=2 --annotation c=3",
        "Creating Namespace: FN\nNamespace Created: FN\n",
        error="POST GW/system/namespace/\n⋮"
        '{"name":"FN","labels":{"a":"1","b":"2","openfaas":"1"},'
        '"annotations":{"c":"3","openfaas":"1"}}\n',
        variables={"FAAS_DEBUG": "1"},
        after="faas-cli namespace list > list; faas-cli namespace delete FN",
        writes={"list": "⋮ - FN\n⋮"},
    ),
    Row(
        "namespace create of an existing one",
        "namespace create openfaas-fn",
        "Creating Namespace: openfaas-fn\nUnexpected status code: 409, message: "
        '"namespace openfaas-fn already exists\\n"\n',
        1,
    ),
    Row(
        "namespace update",
        "namespace update FN -l a=2",
        "Updating Namespace: FN\nNamespace Updated: FN\n",
        error='PUT GW/system/namespace/FN\n⋮{"name":"FN","labels":{"a":"2","openfaas":"1"},'
        '"annotations":{"openfaas":"1"}}\n',
        variables={"FAAS_DEBUG": "1"},
        given="faas-cli namespace create FN -l a=1 2> note",
        after="faas-cli namespace delete FN",
    ),
    Row(
        "namespace update of a missing one",
        "namespace update FN",
        "Updating Namespace: FN\nNamespace FN not found\n",
        1,
    ),
    *(
        Row(
            f"namespace {verb}",
            f"namespace {verb} FN",
            "Deleting Namespace: FN\nNamespace Removed: FN\n",
            error='DELETE GW/system/namespace/FN\n⋮{"name":"FN","labels":{"openfaas":"1"}}\n',
            variables={"FAAS_DEBUG": "1"},
            given="faas-cli namespace create FN",
            after="faas-cli namespace remove FN",
        )
        for verb in ("remove", "rm", "delete")
    ),
    Row(
        "namespace remove of a missing one",
        "namespace remove FN",
        "Deleting Namespace: FN\nNamespace FN not found\n",
        1,
    ),
    Row(
        "namespace get",
        "ns get FN",
        "Name: FN\nLabels:\n a: 1\n openfaas: 1\nAnnotations:\n c: 3\n openfaas: 1\n",
        error="GET GW/system/namespace/FN\n⋮",
        variables={"FAAS_DEBUG": "1"},
        given="faas-cli namespace create FN -l a=1 --annotation c=3",
        after="faas-cli namespace remove FN",
    ),
    Row("namespace get shows no single label", "namespace get openfaas-fn", "Name: openfaas-fn\n"),
    Row("namespace get of a missing one", "namespace get FN", "Namespace FN not found\n", 1),
    *(
        Row(f"namespace {verb} without a name", f"namespace {verb}", "Namespace name required\n", 1)
        for verb in ("create", "get", "update", "remove")
    ),
    *(
        Row(f"namespace {verb} of two", f"namespace {verb} a b", "Too many values for namespace name\n", 1)
        for verb in ("create", "get", "update", "remove")
    ),
    Row(
        "namespace create with a bad label",
        "namespace create FN -l a",
        "Label format is not correct, needs key=value\n",
        1,
    ),
    Row(
        "namespace create with a label without a value",
        "namespace create FN -l a=",
        "Empty labels value: [a=]\n",
        1,
    ),
    Row(
        "namespace update with an annotation without a name",
        "namespace update FN --annotation =1",
        "Empty annotations name: [=1]\n",
        1,
    ),
]

CREATE = "secret create FN --from-literal=VALUE"
FORGET = "faas-cli secret remove FN"
READ = (
    f"{DEPLOY} --secret FN --fprocess 'cat /var/openfaas/secrets/FN' && "
    f"faas-cli invoke FN < /dev/null > value; {REMOVE}; {FORGET}"
)
READS = {"value": "VALUE"}

GIVEN = "faas-cli secret create FN --from-literal=OLD"

SECRETS = [
    Row("secret create", CREATE, "Creating secret: FN.\nCreated: 202 Accepted\n", after=READ, writes=READS),
    Row(
        "secret create from standard input is trimmed",
        "secret create FN",
        "Creating secret: FN.\nCreated: 202 Accepted\n",
        body=" VALUE\n",
        after=READ,
        writes=READS,
    ),
    Row(
        "secret create --trim=false",
        "secret create FN --trim=false",
        "Creating secret: FN.\nCreated: 202 Accepted\n",
        body=" VALUE\n",
        after=READ,
        writes={"value": " VALUE\n"},
    ),
    Row(
        "secret create from a file keeps every byte",
        "secret create FN --from-file=key",
        "Creating secret: FN.\nCreated: 202 Accepted\n",
        files={"key": " VALUE\n"},
        error='⋮{"name":"FN","value":"VALUE","rawValue":"IFZBTFVFCg=="}\n',
        variables={"FAAS_DEBUG": "1"},
        after=READ,
        writes={"value": " VALUE\n"},
    ),
    Row(
        "secret create of an existing one exits with 0",
        CREATE,
        'Creating secret: FN.\nsecret with the name "FN" already exists\n',
        given=f"faas-cli {CREATE}",
        after=FORGET,
    ),
    Row(
        "secret create --replace",
        f"{CREATE} --replace",
        "Creating secret: FN.\nSecret FN already exists, updating...\nUpdated: 202 Accepted\n",
        given=GIVEN,
        after=READ,
        writes=READS,
    ),
    Row(
        "secret create without a gateway exits with 0",
        f"{CREATE} -g {DOWN}",
        f"Creating secret: FN.\ncannot connect to OpenFaaS on URL: {DOWN}\n⋮",
    ),
    Row(
        "secret create of a bad name",
        "secret create A_b --from-literal=VALUE",
        "ERROR: invalid secret name A_b\nSecret name must start and end with an alphanumeric character \n⋮",
        1,
    ),
    Row("secret create without a name", "secret create", "Secret name required\n", 1),
    Row("secret create of two", "secret create a b", "Too many values for secret name\n", 1),
    Row(
        "secret create of an empty value",
        "secret create FN",
        "Must provide a non empty secret via --from-literal, --from-file or STDIN\n",
        1,
    ),
    Row(
        "secret create from two places",
        "secret create FN --from-literal=a --from-file=b",
        "Please provide secret using only one option from --from-literal, --from-file and STDIN\n",
        1,
    ),
    Row(
        "secret create from a missing file",
        "secret create FN --from-file=none",
        "Open none: no such file or directory\n",
        1,
    ),
    Row(
        "secret create from a folder",
        "secret create FN --from-file=.",
        "Read .: is a directory\n",
        1,
    ),
    Row(
        "secret create from two places, with a bad name",
        "secret create A_b --from-literal=a --from-file=b",
        "Please provide secret using only one option from --from-literal, --from-file and STDIN\n",
        1,
    ),
    Row(
        "secret create of white space",
        "secret create FN --from-literal=' '",
        "Must provide a non empty secret via --from-literal, --from-file or STDIN\n",
        1,
    ),
    Row(
        "secret create --trim=false of a file with nothing but white space",
        "secret create FN --from-file=key --trim=false",
        "Creating secret: FN.\nCreated: 202 Accepted\n",
        files={"key": " \n"},
        error='⋮{"name":"FN","value":" \\n","rawValue":"IAo="}\n',
        variables={"FAAS_DEBUG": "1"},
        after=FORGET,
    ),
    Row(
        "secret create in a namespace",
        f"{CREATE} -n FN",
        "Creating secret: FN.FN\nCreated: 202 Accepted\n",
        given="faas-cli namespace create FN",
        after="faas-cli secret remove FN -n FN; faas-cli namespace remove FN",
    ),
    Row(
        "secret update",
        "secret update FN --from-literal=VALUE",
        "Updating secret: FN\nUpdated: 202 Accepted\n",
        given=GIVEN,
        after=READ,
        writes=READS,
    ),
    Row(
        "secret u --from-file is trimmed and sends no raw value",
        "secret u FN --from-file=key",
        "Updating secret: FN\nUpdated: 202 Accepted\n",
        files={"key": " VALUE\n"},
        error='PUT GW/system/secrets\n⋮{"name":"FN","value":"VALUE"}\n',
        variables={"FAAS_DEBUG": "1"},
        given=GIVEN,
        after=READ,
        writes=READS,
    ),
    Row(
        "secret update --from-file --trim=false",
        "secret update FN --from-file=key --trim=false",
        "Updating secret: FN\nUpdated: 202 Accepted\n",
        files={"key": " VALUE\n"},
        given=GIVEN,
        after=READ,
        writes={"value": " VALUE\n"},
    ),
    Row(
        "secret update from standard input is trimmed",
        "secret update FN",
        "Updating secret: FN\nUpdated: 202 Accepted\n",
        body="\tVALUE \n",
        given=GIVEN,
        after=READ,
        writes=READS,
    ),
    Row(
        "secret update from a missing file",
        "secret update FN --from-file=none",
        "Unable to read secret file: open none: no such file or directory\n",
        1,
    ),
    Row(
        "secret update of a missing one exits with 0",
        "secret update FN --from-literal=VALUE",
        "Updating secret: FN\nunable to find secret: FN",
    ),
    Row(
        "secret update does not check the name",
        "secret update A_b --from-literal=VALUE",
        "Updating secret: A_b\n⋮",
    ),
    Row("secret update without a name", "secret update", "Secret name required\n", 1),
    Row("secret update of two", "secret update a b", "Too many values for secret name\n", 1),
    Row("secret remove of two", "secret remove a b", "Too many values for secret name\n", 1),
    Row("secret generate --length 0", "secret generate --length 0", "\n"),
    Row(
        "secret generate -o writes a file in a new folder",
        "secret generate --length 4 -o .secrets/key",
        "Wrote 4-byte secret (hex) to .secrets/key\n",
        writes={".secrets/key": "…"},
    ),
    Row(
        "secret generate -o of a folder",
        "secret generate -o .",
        "Writing secret: open .: is a directory\n",
        1,
    ),
    Row(
        "secret apply without a folder",
        "secret apply",
        "Secrets directory does not exist: …/.secrets\n",
        1,
    ),
    Row(
        "secret apply of an empty folder",
        "secret apply",
        "No secrets found in .secrets directory\n",
        given="mkdir .secrets",
    ),
    Row(
        "secret apply sends each file and skips what it cannot",
        "secret apply",
        "Skipping invalid secret name: A_b - ERROR: invalid secret name A_b\n"
        "Secret name must start and end with an alphanumeric character \n"
        "and can only contain lower-case alphanumeric characters, '-' or '.'\n"
        "Skipping empty secret: blank\n"
        "Creating secret: FN.\nCreated: 202 Accepted\n",
        files={
            ".secrets/FN": " VALUE\n",
            ".secrets/A_b": "x",
            ".secrets/blank": " \n",
            ".secrets/folder/file": "x",
        },
        after=READ,
        writes={"value": " VALUE\n"},
    ),
    Row(
        "secret apply does not wait for a pipe, nor read a device without end",
        "secret apply",
        "Failed to read secret file a: it is a named pipe\nFailed to read secret file b: it is a device\n",
        given="mkdir .secrets; /usr/bin/mkfifo .secrets/a; /bin/ln -s /dev/zero .secrets/b",
    ),
    Row(
        "secret apply updates one of the default namespace",
        "secret apply",
        "Creating secret: FN.\nSecret FN still exists, updating...\nUpdated: 202 Accepted\n",
        files={".secrets/FN": "VALUE"},
        given=GIVEN,
        after=READ,
        writes=READS,
    ),
    Row(
        "secret apply -n replaces one of that namespace",
        "secret apply -n openfaas-fn",
        "Secret FN exists, deleting before recreating...\n"
        "Creating secret: FN.openfaas-fn\nCreated: 202 Accepted\n",
        files={".secrets/FN": "VALUE"},
        given=GIVEN,
        after=READ,
        writes=READS,
    ),
    Row(
        "secret apply without a gateway",
        f"secret apply -g {DOWN}",
        f"Failed to get secret list: cannot connect to OpenFaaS on URL: {DOWN}\n⋮",
        1,
        files={".secrets/FN": "VALUE"},
    ),
    Row("secret remove", "secret remove FN", "Removed.. OK.\n", given=f"faas-cli {CREATE}"),
    Row("secret remove of a missing one", "secret rm FN", "Unable to find secret: FN\n", 1),
    Row("secret list", "secret list", "\nNAME\n⋮FN\n⋮\n", given=f"faas-cli {CREATE}", after=FORGET),
    Row(
        "secret list --json",
        "secret list --json",
        '[\n⋮  {\n    "name": "FN",\n    "namespace": "openfaas-fn"\n  }⋮\n]\n',
        given=f"faas-cli {CREATE}",
        after=FORGET,
    ),
    Row(
        "secret list -j of a namespace without secrets",
        "secret list -j -n FN",
        "[]\n",
        given="faas-cli namespace create FN",
        after="faas-cli namespace delete FN",
    ),
    Row(
        "secret list -n of a namespace without secrets",
        "secret list -n FN",
        "No secrets found.\n",
        given="faas-cli namespace create FN",
        after="faas-cli namespace delete FN",
    ),
]
