"""Rows for new and template."""

from __future__ import annotations

from faas_cli_rows.row import DOWN, Row, stack

TEMPLATES = """
    git init -q repo && mkdir -p repo/template/mine/function
    echo 'language: mine' > repo/template/mine/template.yml
    echo text > repo/template/mine/function/file
    git -C repo add . && git -C repo -c user.name=n -c user.email=n@example.org commit -qm one
    git -C repo tag v1
"""

WRITTEN = """version: 1.0
provider:
  name: openfaas
  gateway: http://127.0.0.1:8080
functions:
  long-task:
    lang: dockerfile
    handler: ./long-task
    image: me/long-task:latest

"""

NEW = [
    Row(
        "new writes stack file, folder and .gitignore",
        "new --lang dockerfile long-task --prefix=me",
        "Folder: long-task created.\n⋮\nFunction created in folder: long-task\n"
        "Stack file written: stack.yaml\n",
        writes={
            "stack.yaml": WRITTEN,
            ".gitignore": "template\nbuild\n.secrets\n",
            "long-task/Dockerfile": '⋮AS watchdog⋮ENV fprocess="cat"\n⋮CMD ["fwatchdog"]\n',
        },
    ),
    Row(
        "OPENFAAS_PREFIX is the prefix",
        "new --lang dockerfile long-task --quiet",
        "Folder: long-task created.\n⋮",
        variables={"OPENFAAS_PREFIX": "me"},
        writes={"stack.yaml": WRITTEN},
    ),
    Row(
        "a second new is refused",
        "new --lang dockerfile b",
        'File: stack.yaml already exists. Try "faas-cli new --append stack.yaml" instead\n',
        1,
        files={"stack.yaml": stack("a")},
    ),
    Row(
        "--append adds the function's lines only",
        "new --lang dockerfile b --append stack.yaml --handler src/b",
        "Folder: src/b created.\n⋮Stack file updated: stack.yaml\n",
        given="mkdir src",
        files={"stack.yaml": stack("a")},
        writes={
            "stack.yaml": stack("a")
            + "  b:\n    lang: dockerfile\n    handler: ./src/b\n    image: b:latest\n\n"
        },
    ),
    Row(
        "--gateway is written",
        "new --lang dockerfile b -g https://gw.example",
        "⋮",
        writes={"stack.yaml": "⋮  gateway: https://gw.example\n⋮"},
    ),
    Row("--list", "new --list", "Languages available as templates:\n⋮- dockerfile\n⋮\n\n"),
    Row("a language is needed", "new b", "You must supply a function language with the --lang flag\n", 1),
    Row("a name is needed", "new --lang dockerfile", "Please provide a name for the function\n", 1),
    Row(
        "a language without a template",
        "new b --lang cobol",
        'Template: "cobol" was not found in the templates folder or in the store\n',
        1,
    ),
    Row(
        "template pull from a folder",
        "template pull repo",
        "Wrote 1 template(s) : [mine]\n",
        given=TEMPLATES,
        error="…/…/… …:…:… Fetching templates from repo\n",
        writes={
            "template/mine/function/file": "text\n",
            "template/mine/meta.json": '{"repository":"repo","sha":"…","written_at":"…Z"}',
        },
    ),
    Row(
        "template pull of a tag",
        "template pull repo#v1",
        "Wrote 1 template(s) : [mine@v1]\n",
        given=TEMPLATES,
        error="⋮",
        writes={"template/mine@v1/meta.json": '{"repository":"repo","ref_name":"v1","sha":"⋮'},
    ),
    Row(
        "template pull of a commit",
        "template pull repo#sha-$(git -C repo rev-parse HEAD)",
        "Wrote 1 template(s) : [mine@sha-…]\n",
        given=TEMPLATES,
        error="⋮",
    ),
    Row(
        "OPENFAAS_TEMPLATE_URL",
        "template pull",
        "Wrote 1 template(s) : [mine]\n",
        given=TEMPLATES,
        variables={"OPENFAAS_TEMPLATE_URL": "repo"},
        error="⋮",
    ),
    Row(
        "template pull does not overwrite",
        "template pull repo",
        "Unable to overwrite the following: [mine]\n⋮",
        1,
        given=f"{TEMPLATES} faas-cli template pull repo",
        error="⋮",
    ),
    Row(
        "but with --overwrite",
        "template pull repo --overwrite",
        "Wrote 1 template(s) : [mine]\n",
        given=f"{TEMPLATES} faas-cli template pull repo",
        error="⋮",
    ),
    Row(
        "template pull of a branch that does not exist",
        "template pull repo#none",
        "Error while fetching templates: error invoking git clone: exit status 128\n  seen:     fatal: ⋮",
        1,
        given=TEMPLATES,
        error="⋮",
    ),
    Row(
        "template pull from an unknown place",
        "template pull nowhere",
        "The repository URL must be a valid git repo uri\n⋮",
        1,
    ),
    Row(
        "template pull stack",
        "template pull stack",
        "Pulling template: mine from configuration file: stack.yaml\nWrote 1 template(s) : [mine]\n",
        given=TEMPLATES,
        files={"stack.yaml": "configuration:\n  templates:\n    - name: mine\n      source: repo\n"},
        error="⋮",
        writes={"template/mine/function/file": "text\n"},
    ),
    Row(
        "template pull stack without templates",
        "template pull stack",
        "Can't read configuration: no template repos currently configured\n",
        1,
        files={"stack.yaml": stack("a")},
    ),
    Row(
        "build pulls the templates that the stack file names",
        "build --shrinkwrap",
        "Pulling template: mine from configuration file: stack.yaml\nWrote 1 template(s) : [mine]\n"
        "⋮shrink-wrapped to build/a\n⋮",
        given=TEMPLATES,
        files={
            "stack.yaml": stack("a").replace("dockerfile", "mine")
            + "configuration:\n  templates:\n    - name: mine\n      source: repo\n",
            "a/mine": "1",
        },
        error="⋮",
    ),
    Row(
        "template pull offline",
        "template pull https://127.0.0.1:1/templates.git",
        "Error while fetching templates: error invoking git clone: exit status 128\n⋮"
        "  next:     without the internet: ⋮",
        1,
        error="⋮",
    ),
    Row(
        "a pulled template is what new starts from",
        "new --lang mine FN -q",
        "⋮",
        given=f"{TEMPLATES} faas-cli template pull repo",
        writes={"FN/file": "text\n"},
    ),
    Row(
        "template store list offline",
        f"template store list --url {DOWN}/t.json",
        f"Error while getting templates info: cannot read templates info from: {DOWN}/t.json\n"
        "  seen:     Get …connection refused\n  next:     without the internet: ⋮",
        1,
    ),
    Row(
        "template store list",
        "template store list",
        "\nNAME RECOMMENDED DESCRIPTION SOURCE\nmine [x]         openfaas    A template\n\n",
        variables={"OPENFAAS_TEMPLATE_STORE_URL": "t.json"},
        files={
            "t.json": '[{"template": "mine", "platform": "x86_64", "source": "openfaas",'
            ' "description": "A template", "repo": "repo", "recommended": true}]'
        },
    ),
    Row(
        "template store pull",
        "template store pull mine -u t.json",
        "Wrote 1 template(s) : [mine]\n",
        given=TEMPLATES,
        error="⋮",
        files={"t.json": '[{"template": "mine", "repo": "repo"}]'},
    ),
]
