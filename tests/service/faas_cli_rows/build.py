"""Rows for build, push, publish, up and generate."""

from __future__ import annotations

from hashlib import md5

from faas_cli_rows.row import BUILT, CAT, DEPLOYED, DOWN, REMOVE, Row, stack

FUNCTION = """---
apiVersion: openfaas.com/v1
kind: Function
metadata:
  name: ab
  namespace: dev
spec:
  name: ab
  image: me/ab:latest
  environment:
    A: "1"
    b: text
  labels:
    canary: "true"
  limits:
    memory: 5Mi
    cpu: ""
  secrets:
    - key

"""

REPOSITORY = """
    git init -q -b main . && git add . && git -c user.name=n -c user.email=n@example.org commit -qm one
    git tag v1
"""
SHA = "$(git rev-parse --short HEAD)"
DIGEST = md5(md5(CAT.encode()).hexdigest().encode()).hexdigest()

MINE = {
    "stack.yaml": stack("FN").replace("dockerfile", "mine"),
    "template/mine/template.yml": "language: mine\nhandler_folder: src\nbuild_options:\n"
    "  - name: dev\n    packages: [make, gcc]\n  - name: tools\n    packages: [make]\n",
    "template/mine/Dockerfile": "FROM alpine\nARG ADDITIONAL_PACKAGE\nENV fprocess=$ADDITIONAL_PACKAGE\n",
    "template/mine/src/handler.txt": "sample",
    "template/mine/src/helper.txt": "of the template",
    "FN/handler.txt": "mine",
}
"""A function of a template ``mine``."""

TAGS = [
    Row(
        "build --tag=sha",
        f"build --tag=sha | grep -cF me/FN:latest-{SHA}",
        "2\n",
        files=BUILT,
        given=REPOSITORY,
    ),
    Row(
        "push --tag=branch",
        f"push --tag=branch | grep -cF me/FN:latest-main-{SHA}",
        "2\n",
        files=BUILT,
        given=REPOSITORY,
    ),
    Row(
        "push --tag=describe",
        "push --tag=describe",
        "[0] > Pushing FN [me/FN:latest-v1]\n⋮",
        files=BUILT,
        given=REPOSITORY,
    ),
    Row(
        "a written tag stays in front",
        "push --tag=Describe",
        "[0] > Pushing FN [me/FN:0.2-v1]\n⋮",
        files={"stack.yaml": stack("FN").replace("latest", "0.2")},
        given=REPOSITORY,
    ),
    Row(
        "up --tag=digest deploys what it built, and needs no git",
        "up --tag=digest",
        f"⋮Pushing FN [me/FN:{DIGEST}]⋮Deploying: FN.\n{DEPLOYED}",
        files=BUILT,
        after=f"faas-cli describe FN | grep Image: > image; {REMOVE}",
        writes={"image": f"Image:              me/FN:{DIGEST}\n"},
    ),
    Row(
        "deploy --tag=sha of what build --tag=sha made",
        "deploy --tag=sha",
        f"Deploying: FN.\n{DEPLOYED}",
        files=BUILT,
        given=f"{REPOSITORY} faas-cli build --tag=sha",
        after=f"faas-cli describe FN | grep -cF me/FN:latest-{SHA} > count; {REMOVE}",
        writes={"count": "1\n"},
    ),
    Row(
        "generate --tag=describe",
        "generate --tag=describe",
        "⋮  image: me/FN:latest-v1\n⋮",
        files=BUILT,
        given=REPOSITORY,
    ),
    Row(
        "build --tag=sha outside of a repository",
        "build --tag=sha",
        "⋮Errors received during build:\n- cannot tag image with Git SHA as this is not a Git repository\n"
        "  seen:     fatal: not a git repository…\n⋮",
        1,
        files=BUILT,
    ),
    Row(
        "deploy --tag=branch outside of a repository",
        "deploy --tag=branch",
        "Deploying: FN.\nCannot tag image with Git branch and SHA as this is not a Git repository\n⋮",
        1,
        files=BUILT,
    ),
    Row(
        "--tag of an unknown format",
        "push --tag=none",
        'Invalid argument "none" for "--tag" flag: unknown image tag format: \'none\'\n',
        1,
    ),
]


def built_row(name: str, dockerfile: str, writes: str, **files: str) -> Row:
    """Return a row that builds and deploys a Dockerfile, and invokes it with "abc"."""
    return Row(
        name,
        "up --quiet",
        f"⋮Deploying: FN.\n{DEPLOYED}",
        files={
            "stack.yaml": stack("FN"),
            "FN/Dockerfile": dockerfile,
            **{f"FN/{file.replace('_', '.')}": text for file, text in files.items()},
        },
        after=f"echo abc | faas-cli invoke FN > out 2>&1; {REMOVE}",
        writes={"out": writes},
    )


def refused_row(name: str, dockerfile: str, error: str) -> Row:
    """Return a row for a Dockerfile that is not built."""
    return Row(
        name,
        "up",
        f"⋮Errors received during build:\n- {error}\n⋮",
        1,
        files={"stack.yaml": stack("FN"), "FN/Dockerfile": dockerfile},
        after="faas-cli describe FN > out",
        writes={"out": "No such function: FN\n"},
    )


SCRIPT = "#!/bin/sh\necho $0 $(cat)\n"

DOCKERFILES = [
    built_row("${V:-d} in fprocess", 'FROM alpine\nENV fprocess="${TOOL:-rev}"\n', "cba\n"),
    built_row("nothing after <<< in RUN is lost", "FROM alpine\nRUN cat <<< x\nENV fprocess=rev\n", "cba\n"),
    built_row(
        "COPY --chmod makes a script executable",
        "FROM alpine\nWORKDIR /app\nCOPY --chmod=+x run.sh .\nENV fprocess=./run.sh\n",
        "./run.sh abc\n",
        run_sh=SCRIPT,
    ),
    built_row(
        "COPY with a wildcard, and one that matches nothing",
        "FROM alpine\nWORKDIR /app\nCOPY --chmod=755 *.sh *.none ./\nENV fprocess=./run.sh\n",
        "./run.sh abc\n",
        run_sh=SCRIPT,
    ),
    built_row(
        "COPY of an inline file",
        "FROM alpine\nARG NAME=me\nCOPY --chmod=755 <<EOF /bin/greet\n#!/bin/sh\necho $NAME \\$(cat)\nEOF\n"
        "ENV fprocess=greet\n",
        "me abc\n",
    ),
    built_row(
        "COPY --from of an earlier stage",
        "FROM alpine AS tools\nCOPY --chmod=755 run.sh /out/\n"
        "FROM alpine\nCOPY --from=tools /out/run.sh /bin/run\nENV fprocess=/bin/run\n",
        "…/bin/run abc\n",
        run_sh=SCRIPT,
    ),
    built_row("a byte order mark", "\ufeffFROM alpine\nENV fprocess=rev\n", "cba\n"),
    refused_row(
        "an unknown instruction",
        "FROM alpine\nFETCH x\n",
        "dockerfile parse error on line 2: unknown instruction: FETCH",
    ),
    refused_row(
        "a heredoc without an end",
        "FROM alpine\nRUN <<EOF\nENV fprocess=cat\n",
        "dockerfile parse error on line 2: unterminated heredoc",
    ),
    refused_row(
        "a missing file", "FROM alpine\nCOPY none /\n", 'failed to compute cache key: "/none": not found'
    ),
]

BUILD = [
    Row(
        "build",
        "build",
        "[0] > Building FN.\n⋮Image: me/FN:latest built.\n[0] < Building FN done in …s.\n[0] Worker done.\n"
        "\nTotal build time: …s\n",
        files=BUILT,
    ),
    Row("build --quiet", "build --quiet --no-cache --parallel 2", "⋮built.\n⋮", files=BUILT),
    Row(
        "build --shrinkwrap only copies",
        "build --shrinkwrap",
        "⋮FN shrink-wrapped to build/FN\n⋮",
        files=BUILT,
        writes={"build/FN/Dockerfile": CAT},
    ),
    Row(
        "build --build-arg",
        "build --build-arg P=rev",
        "⋮fprocess: rev\n⋮",
        files=BUILT | {"FN/Dockerfile": "FROM alpine\nARG P=cat\nENV fprocess=$P\n"},
    ),
    Row(
        "build's flags for Docker are accepted",
        "build --build-label a=b --pull --no-cache --squash",
        "⋮Image: me/FN:latest built.\n⋮",
        files=BUILT,
    ),
    Row(
        "build of a function without an image",
        "build",
        '⋮Building: :latest with dockerfile template. Please wait..\n⋮- invalid tag ":latest": '
        "invalid reference format\n⋮",
        1,
        files={**BUILT, "stack.yaml": stack("FN").replace("    image: me/FN:latest\n", "")},
    ),
    Row(
        "up --platforms without --publish",
        "up --platforms linux/arm64",
        "--platforms can only be used with the --publish flag\n",
        1,
        files=BUILT,
    ),
    Row(
        "up --remote-builder",
        "up --remote-builder http://b",
        "The lab builds on this machine: ⋮",
        1,
        files=BUILT,
    ),
    Row(
        "build without a stack file",
        "build --image me/FN --handler ./FN --name FN --lang dockerfile",
        "⋮Image: me/FN:latest built.\n⋮",
        files={"FN/Dockerfile": CAT},
    ),
    Row(
        "build without stack file and flags",
        "build",
        "Please provide a valid --image name for your Docker image\n",
        1,
    ),
    Row(
        "push",
        "push",
        "[0] > Pushing FN [me/FN:latest]\n[0] < Pushing FN [me/FN:latest] done.\n⋮[0] Worker done.\n",
        files=BUILT,
    ),
    Row(
        "push of an image without a prefix",
        "push",
        "⋮Unable to push one or more of your functions to Docker Hub:\n- FN\n⋮",
        1,
        files={"stack.yaml": stack("FN").replace("me/", "")},
    ),
    Row(
        "build with build options",
        "build --build-option dev -b ADDITIONAL_PACKAGE=vim --build-label a=b",
        "⋮fprocess: gcc make vim\n⋮",
        files=MINE | {"stack.yaml": stack("FN\nbuild_options: [tools]").replace("dockerfile", "mine")},
    ),
    Row(
        "an unknown build option",
        "build -o none",
        "⋮Errors received during build:\n- Error: You're using a build option unavailable for mine.\n"
        "Please check /template/mine/template.yml for supported build options\n\n",
        1,
        files=MINE,
    ),
    Row(
        "a template's handler_folder gets the learner's code",
        "build --shrinkwrap",
        "⋮FN shrink-wrapped to build/FN\n⋮",
        files=MINE,
        writes={
            "build/FN/src/handler.txt": "mine",
            "build/FN/src/helper.txt": "of the template",
            "build/FN/template.yml": MINE["template/mine/template.yml"],
        },
    ),
    Row(
        "configuration copy and --copy-extra",
        "build --shrinkwrap --copy-extra more.txt",
        "⋮FN shrink-wrapped to build/FN\n⋮",
        files=MINE
        | {"stack.yaml": stack("FN").replace("dockerfile", "mine") + "configuration:\n  copy: [common]\n"}
        | {"common/a.txt": "shared", "more.txt": "more"},
        writes={"build/FN/src/common/a.txt": "shared", "build/FN/src/more.txt": "more"},
    ),
    Row(
        "a path outside of the project is not copied",
        "build --copy-extra ..",
        "⋮- forbidden path appears to be outside of the build context: .. (/…)\n\n",
        1,
        files=BUILT,
    ),
    Row(
        "build of a handler that does not exist",
        "build",
        "⋮Errors received during build:\n- building FN, ./FN is an invalid path\n\n",
        1,
        files={"stack.yaml": stack("FN")},
    ),
    Row(
        "build without a language",
        "build",
        "[0] > Building FN.\nPlease provide a valid language for your function.\n[0] < Building FN ⋮",
        files={"stack.yaml": stack("FN").replace("lang", "x")},
    ),
    Row(
        "build from flags of a language without a template",
        "build --image me/FN --handler . --name FN --lang none",
        "Language template: none not supported, build a custom Dockerfile\n",
        1,
    ),
    Row("up", "up", f"⋮Building FN.⋮Pushing FN ⋮Deploying: FN.\n{DEPLOYED}", files=BUILT, after=REMOVE),
    Row(
        "up --skip-push",
        "up --skip-push",
        f"⋮Worker done.\n\nTotal build time: …s\nDeploying: FN.\n{DEPLOYED}",
        files=BUILT,
        after=REMOVE,
    ),
    Row("up --skip-deploy", "up --skip-deploy", "⋮Pushing FN ⋮[0] Worker done.\n", files=BUILT),
    Row(
        "publish needs Docker",
        "publish --platforms linux/arm64",
        "Publish needs Docker buildx and a registry, which the lab does without: use faas-cli up\n",
        1,
        files=BUILT,
    ),
    Row("up --publish, too", "up --publish", "Publish needs Docker buildx…\n", 1, files=BUILT),
    Row(
        "publish --shrinkwrap only copies",
        "publish --shrinkwrap",
        "⋮FN shrink-wrapped to build/FN\n⋮",
        files=BUILT,
        writes={"build/FN/Dockerfile": CAT},
    ),
    Row(
        "generate prints resources without a gateway",
        "generate -n dev",
        FUNCTION,
        files={
            "stack.yaml": stack(
                "ab\nenvironment:\n  b: text\n  A: 1\nlabels:\n  canary: true\nlimits:\n  memory: 5Mi\n"
                "secrets: [key]"
            )
        },
        variables={"OPENFAAS_URL": DOWN},
    ),
    Row(
        "generate --from-store",
        "generate --from-store figlet",
        "---\napiVersion: openfaas.com/v1\nkind: Function\nmetadata:\n  name: figlet\n"
        "  namespace: openfaas-fn\nspec:\n  name: figlet\n  image: ghcr.io/openfaas/figlet:latest\n"
        "  environment:\n    fprocess: figlet\n  labels: {}\n  annotations: {}\n\n",
    ),
    Row(
        "generate --from-store with a name, labels and annotations",
        "generate --from-store figlet --name big --label a=1 --annotation b=2",
        '⋮  name: big\n⋮  labels:\n    a: "1"\n  annotations:\n    b: "2"\n\n',
    ),
    Row(
        "generate takes no namespace from the stack file",
        "generate",
        "⋮  namespace: openfaas-fn\n⋮",
        files={"stack.yaml": stack("FN\nnamespace: dev")},
    ),
    Row(
        "generate for Knative",
        "generate --api serving.knative.dev/v1",
        "---\napiVersion: serving.knative.dev/v1\nkind: Service\nmetadata:\n  name: FN\n"
        "  namespace: openfaas-fn\nspec:\n  template:\n    spec:\n      containers:\n"
        "        - image: me/FN:latest\n\n",
        files=BUILT,
    ),
    Row(
        "generate reads environment files",
        "generate",
        "⋮  environment:\n    A: file\n\n",
        files={"stack.yaml": stack("FN\nenvironment: {A: own}\nenvironment_file: [e.yaml]")}
        | {"e.yaml": "environment:\n  A: file\n"},
    ),
    Row("generate of no functions prints nothing", "generate", files={"stack.yaml": stack()}),
    Row(
        "generate without a stack file",
        "generate",
        'No "stack.yaml" or "stack.yml" file was found in the current directory.\n'
        'Use "--yaml" / "-f" to specify a custom filename.\n\n'
        'Alternatively, to generate a definition for store functions, use "--from-store"\n',
        1,
    ),
    Row(
        "generate --api without a value",
        'generate --api ""',
        "You must supply the API version with the --api flag\n",
        1,
        files=BUILT,
    ),
    Row(
        "generate of a function that is not in the store",
        "generate --from-store none",
        "Unable to find 'none' in store\n",
        1,
    ),
]
