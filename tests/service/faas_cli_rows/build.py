"""build, push, publish, up, generate."""

from __future__ import annotations

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
  secrets:
  - key

"""

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
        "⋮FN shrink-wrapped to ./build/FN/\n⋮",
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
        "build without a stack file",
        "build --image me/FN --handler ./FN --name FN --lang dockerfile",
        "⋮Image: me/FN built.\n⋮",
        files={"FN/Dockerfile": CAT},
    ),
    Row(
        "build without anything",
        "build",
        "Please provide a valid --image name for your Docker image\n",
        1,
    ),
    Row(
        "push",
        "push",
        "[0] > Pushing FN [me/FN:latest].\n[0] < Pushing FN [me/FN:latest] done.\n⋮[0] Worker done.\n",
        files=BUILT,
    ),
    Row(
        "push of an image without a prefix",
        "push",
        "⋮Unable to push one or more of your functions to Docker Hub:\n- FN\n⋮",
        1,
        files={"stack.yaml": stack("FN").replace("me/", "")},
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
        "⋮FN shrink-wrapped to ./build/FN/\n⋮",
        files=BUILT,
        writes={"build/FN/Dockerfile": CAT},
    ),
    Row(
        "generate prints resources and calls nobody",
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
        "  namespace: openfaas-fn\nspec:\n  name: figlet\n  image: ghcr.io/openfaas/figlet:latest\n\n",
    ),
    Row(
        "generate of what the store has not",
        "generate --from-store none",
        "Unable to find 'none' in store\n⋮",
        1,
    ),
]
