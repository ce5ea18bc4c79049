"""Rows for all verbs: which functions, which gateway, errors, settings."""

from __future__ import annotations

from faas_cli_rows.row import DOWN, NO_ANSWER, Row, stack

MERGED = """x-base: &base
  environment: ~
  image: me/base
functions:
  ab:
    <<: *base
    lang: dockerfile
"""

COMMON = [
    # -- which functions
    Row("stack.yaml is picked up", "push", "⋮Pushing FN⋮", files={"stack.yaml": stack("FN")}),
    Row("else stack.yml", "push", "⋮Pushing FN⋮", files={"stack.yml": stack("FN")}),
    Row("-f names another", "push -f a.yaml", "⋮Pushing FN⋮", files={"a.yaml": stack("FN")}),
    Row(
        "--filter is a wildcard",
        "push --filter a*",
        "[0] > Pushing ab [me/ab:latest]\n[0] < Pushing ab [me/ab:latest] done.\n⋮[0] Worker done.\n",
        files={"stack.yaml": stack("ab", "cab")},
    ),
    Row(
        "--regex may match anywhere",
        "push --regex b$",
        "⋮Pushing ab ⋮Pushing cab ⋮",
        files={"stack.yaml": stack("ab", "cab", "bc")},
    ),
    Row(
        "--filter and --regex together are refused",
        "push --filter a --regex b",
        "Pass in a regex or a filter, not both\n",
        1,
        files={"stack.yaml": stack("ab")},
    ),
    Row(
        "a filter that matches nothing is an error",
        "push --filter x*",
        "No functions matching --filter/--regex were found in the YAML file\n",
        1,
        files={"stack.yaml": stack("ab")},
    ),
    Row(
        "a variable's default is put in",
        "push",
        "⋮Pushing ab [you/ab:latest]⋮",
        files={"stack.yaml": stack("ab").replace("me/", "${OWNER:-you}/")},
    ),
    Row(
        "a variable's value wins",
        "push",
        "⋮Pushing ab [them/ab:latest]⋮",
        files={"stack.yaml": stack("ab").replace("me/", "${OWNER:-you}/")},
        variables={"OWNER": "them"},
    ),
    Row(
        "the operators of envsubst",
        "push",
        "⋮Pushing ab [0123456/ab:LATEST]⋮",
        files={
            "stack.yaml": stack("ab").replace("me/", "${NONE:-${SHA:0:7}}/").replace(":latest", ":${TAG^^}")
        },
        variables={"SHA": "0123456789abcdef", "TAG": "latest"},
    ),
    Row(
        "a malformed variable is an error",
        "deploy",
        "Missing closing brace\n",
        1,
        files={"stack.yaml": stack("ab").replace("me/", "${OWNER-me}/")},
    ),
    Row(
        "merge keys and nulls",
        "push",
        "⋮Pushing ab [me/base…]\n⋮",
        files={"stack.yaml": stack().replace("functions:", MERGED)},
    ),
    Row(
        "a repeated key is an error",
        "push",
        "Error with YAML file\nYaml: unmarshal errors:\n"
        '  line 9: mapping key "ab" already defined at line 5\n',
        1,
        files={"stack.yaml": stack("ab", "ab")},
    ),
    Row(
        "a value of another type is an error",
        "deploy",
        "Error with YAML file\nYaml: unmarshal errors:\n"
        "  line 9: cannot unmarshal !!seq into map[string]string\n",
        1,
        files={"stack.yaml": stack("ab\nenvironment: [a]")},
    ),
    Row(
        "a file that is no YAML is an error",
        "list",
        "Error with YAML file\nYaml: line 5: did not find expected node content\n",
        1,
        files={"stack.yaml": stack() + "  ab: [\n"},
    ),
    Row("a missing file is an error", "list -f none.yaml", "Open none.yaml: no such file or directory\n", 1),
    Row(
        "a missing environment file is an error",
        "deploy",
        "Deploying: FN.\nOpen none.yaml: no such file or directory\n",
        1,
        files={"stack.yaml": stack("FN\nenvironment_file: [none.yaml]")},
    ),
    Row(
        "--envsubst=false disables the substitution",
        "push --envsubst=false",
        "⋮Pushing ab [${OWNER:-you}/ab:latest]⋮",
        files={"stack.yaml": stack("ab").replace("me/", "${OWNER:-you}/")},
    ),
    Row(
        "the provider is openfaas",
        "push",
        "['openfaas'] is the only valid \"provider.name\" for the OpenFaaS CLI, but you gave: faas\n",
        1,
        files={"stack.yaml": stack("ab", head="provider:\n  name: faas\n")},
    ),
    Row(
        "the version may be absent",
        "push",
        "⋮Pushing ab⋮",
        files={"stack.yaml": stack("ab", head="provider:\n  name: openfaas\n")},
    ),
    Row(
        "no other version than 1.0",
        "push",
        "[1.0] are the only valid versions for the stack file - found: 2.0\n",
        1,
        files={"stack.yaml": stack("ab", head="version: 2.0\nprovider:\n  name: openfaas\n")},
    ),
    # -- which gateway
    Row("--gateway wins", f"list -g {DOWN}/", NO_ANSWER, 1, variables={"OPENFAAS_URL": "GW"}),
    Row(
        "then the stack file",
        "list",
        NO_ANSWER,
        1,
        files={"stack.yaml": stack(head=f"provider:\n  name: openfaas\n  gateway: {DOWN}\n")},
        variables={"OPENFAAS_URL": "GW"},
    ),
    Row("then OPENFAAS_URL", "list", NO_ANSWER, 1, variables={"OPENFAAS_URL": DOWN.upper()}),
    Row(
        "the default counts as not given",
        "list -g http://127.0.0.1:8080",
        NO_ANSWER,
        1,
        variables={"OPENFAAS_URL": DOWN},
    ),
    Row(
        "secret does not use the stack file",
        "secret list",
        "⋮",
        files={"stack.yaml": stack(head=f"provider:\n  name: openfaas\n  gateway: {DOWN}\n")},
    ),
    # -- errors and settings
    Row("an unknown verb", "fly", 'Unknown command "fly" for "faas-cli"\n', 1),
    Row("an unknown flag", "list --no-op", "Unknown flag: --no-op\n", 1),
    Row(
        "OPENFAAS_STORE",
        "store list",
        "⋮mine⋮",
        variables={"OPENFAAS_STORE": "s.json"},
        files={"s.json": '{"functions": [{"name": "mine", "images": {"x86_64": "me/mine"}}]}'},
    ),
    Row(
        "FAAS_DEBUG=1 prints requests on standard error, without passwords",
        "list -q",
        "⋮",
        error="GET GW/system/functions\nUser-Agent: [faas-cli/0.18.12]\nAuthorization: [Basic [REDACTED]]\n",
        variables={"FAAS_DEBUG": "1"},
    ),
    Row(
        "FAAS_DEBUG=1 does not change the output",
        "invoke ECHO",
        "body",
        body="body",
        error="POST GW/function/ECHO.openfaas-fn\n⋮body\n",
        variables={"FAAS_DEBUG": "1"},
    ),
]
