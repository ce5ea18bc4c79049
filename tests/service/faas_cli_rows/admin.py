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
    Row(
        "namespace delete",
        "namespace delete FN",
        "Deleting Namespace: FN\nNamespace Deleted: FN\n",
        given="faas-cli namespace create FN",
        after="faas-cli namespace delete FN",
    ),
    Row(
        "namespace delete of a missing one",
        "namespace delete FN",
        "Deleting Namespace: FN\nNamespace FN not found\n",
        1,
    ),
    Row("namespace create without a name", "namespace create", "Namespace name required\n", 1),
]

CREATE = "secret create FN --from-literal=VALUE"
FORGET = "faas-cli secret remove FN"
READ = (
    f"{DEPLOY} --secret FN --fprocess 'cat /var/openfaas/secrets/FN' && "
    f"faas-cli invoke FN < /dev/null > value; {REMOVE}; {FORGET}"
)
READS = {"value": "VALUE"}

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
        error='⋮{"name":"FN","rawValue":"IFZBTFVFCg==","value":"VALUE"}\n',
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
        given="faas-cli secret create FN --from-literal=OLD",
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
        "Unable to read secret file: none\n⋮",
        1,
    ),
    Row(
        "secret update",
        "secret update FN --from-literal=VALUE",
        "Updating secret: FN.\nUpdated: 202 Accepted\n",
        given="faas-cli secret create FN --from-literal=OLD",
        after=READ,
        writes=READS,
    ),
    Row(
        "secret update of a missing one exits with 0",
        "secret update FN --from-literal=VALUE",
        "Updating secret: FN.\nunable to find secret: FN\n",
    ),
    Row("secret remove", "secret remove FN", "Removed.. OK.\n", given=f"faas-cli {CREATE}"),
    Row("secret remove of a missing one", "secret rm FN", "Unable to find secret: FN\n", 1),
    Row("secret list", "secret list", "\nNAME\n⋮FN\n⋮\n", given=f"faas-cli {CREATE}", after=FORGET),
    Row(
        "secret list -n of a namespace without secrets",
        "secret list -n FN",
        "No secrets found.\n",
        given="faas-cli namespace create FN",
        after="faas-cli namespace delete FN",
    ),
]
