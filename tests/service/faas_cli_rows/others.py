"""Rows for verbs that need no gateway, or something that the lab has not."""

from __future__ import annotations

from faas_cli_rows.row import Row

# {"alg":"none"} and {"sub":"me","exp":1}, without a signature.
TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSIsImV4cCI6MX0.x"


def refused(name: str, run: str, prints: str) -> Row:
    """Return a row of a verb that ends with an error."""
    return Row(name, run, prints, 1)


OTHERS = [
    # -- completion
    Row("completion of bash", "completion --shell bash", "# Completion of faas-cli in bash⋮"),
    Row("completion of zsh", "completion --shell=zsh", "#compdef faas-cli\n⋮"),
    refused("completion without a shell", "completion", 'Required flag(s) "shell" not set\n'),
    refused(
        "completion bash is not how to name the shell",
        "completion bash",
        'Required flag(s) "shell" not set\n',
    ),
    refused(
        "completion of an empty shell", "completion --shell=", "--shell is required and must be bash or zsh\n"
    ),
    refused(
        "completion of another shell",
        "completion --shell fish",
        '"fish" shell not supported, must be bash or zsh\n',
    ),
    refused(
        "bashcompletion without a file",
        "bashcompletion",
        "Please provide filename for bash completion\n",
    ),
    # -- verbs that need what the lab has not
    refused("auth without a URL", "auth", "--auth-url is required and must be a valid OIDC URL\n"),
    refused("auth with another URL", "auth --auth-url ftp://x", "--auth-url is an invalid URL: ftp://x\n"),
    refused("auth without a client", "auth --auth-url http://x", "--client-id is required\n"),
    refused(
        "auth says what it needs",
        "auth --auth-url http://x --client-id x",
        "Auth needs an OAuth2 identity provider and a gateway that trusts it, which the lab does without\n"
        "  next:     …faas-cli login\n",
    ),
    refused("chart export without Helm", "chart export", "Helm is required but was not found in PATH\n"),
    refused("cloud seal without a name", "cloud seal", "--name is required\n"),
    refused(
        "cloud seal says what it needs",
        "cloud seal --name x",
        "Cloud seal needs kubeseal and a Kubernetes cluster, which the lab does without\n  next:     …\n",
    ),
    refused("plugin get without a name", "plugin get", "Please provide the name of the plugin\n"),
    refused(
        "plugin get says what it needs",
        "plugin get pro",
        "Plugin get needs a container registry, which the lab does without\n  next:     …\n",
    ),
    refused("secret seal without a key", "secret seal", "Accepts 1 arg(s), received 0\n"),
    refused(
        "secret seal without a secret",
        "secret seal key.pub",
        "Provide at least one secret via --from-literal or --from-file\n",
    ),
    *(
        refused(
            f"secret {verb} says what it needs",
            f"secret {verb}{more}",
            f"Secret {verb} needs the cipher NaCl box, and a builder that unseals, "
            "which the lab does without\n  next:     …\n",
        )
        for verb, more in (("keygen", ""), ("seal", " key --from-literal a=b"), ("unseal", " key"))
    ),
    # -- registry-login
    Row(
        "registry-login writes a file for Docker",
        "registry-login -u me --password-stdin",
        "Enter your password, hit enter then type Ctrl+D\n\nPassword: "
        "\nWrote ./credentials/config.json..OK\n",
        body=" secret\n",
        writes={
            "credentials/config.json": '{\n "auths": {\n  "https://index.docker.io/v1/": {\n'
            '   "auth": "bWU6c2VjcmV0"\n  }\n }\n}'
        },
    ),
    refused("registry-login without a user", "registry-login", "You must give --username (-u)\n"),
    refused(
        "registry-login without a password",
        "registry-login -u me",
        "Both --username and (--password-stdin or --password) are required\n",
    ),
    refused(
        "registry-login --ecr",
        "registry-login --ecr",
        "The --server flag is not supported with ECR\n",
    ),
    refused(
        "registry-login --ecr needs an account",
        "registry-login --ecr --server=",
        "The --account-id flag is required with ECR\n",
    ),
    # -- print-token
    Row(
        "print-token",
        "print-token token",
        '{\n  "header": {\n    "alg": "none"\n  },\n  "payload": {\n    "exp": 1,\n    "sub": "me"\n  }\n}\n',
        files={"token": TOKEN},
    ),
    refused(
        "print-token without a file",
        "print-token",
        "Provide the filename as an argument i.e. faas-cli print-token ./token.txt\n",
    ),
    refused("print-token of a missing file", "print-token none", "Open none: no such file or directory\n"),
    Row(
        "print-token of another file",
        "print-token token",
        "Token should have 3 parts, got 1\n",
        1,
        files={"token": "x"},
    ),
    # -- groups
    Row("plugin alone names its verb", "plugin", "Run plugin get --help\n"),
    Row("plugin --help", "plugin --help", "⋮\nUsage:\n  faas-cli plugin [command]\n⋮"),
    Row("a group alone prints its help", "cloud", "⋮\nUsage:\n  faas-cli cloud [command]\n⋮"),
    Row(
        "an unknown verb of a group prints the group's help",
        "ns nope",
        "⋮\nUsage:\n  faas-cli namespace [command]\n⋮",
    ),
    refused(
        "an unknown verb has suggestions",
        "secre",
        'Unknown command "secre" for "faas-cli"\n\nDid you mean this?\n\tsecret\n\tstore\n\n',
    ),
    refused(
        "hidden verbs are not suggested", "bashcompletio", 'Unknown command "bashcompletio" for "faas-cli"\n'
    ),
    refused(
        "template store pull without a name",
        "template store pull",
        "Need to specify one of the store templates, check available ones by running the command:\n\n"
        "faas-cli template store list\n",
    ),
]
