"""kubectl's command line: global flags, those of its verbs, and who runs it.

Flags and texts are those of kubectl 1.32 (``kubectl options``, ``kubectl logs
--help``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from labkit.openfaas_cli.pflag import Arguments, Flag, parse

_IGNORED = "Has no effect in the lab"
_TEXTS = (
    *("as", "as-group", "as-uid", "cache-dir", "certificate-authority", "client-certificate", "client-key"),
    *("log-flush-frequency", "password", "profile", "profile-output", "request-timeout", "tls-server-name"),
    *("token", "user", "username", "vmodule"),
)
_SWITCHES = ("disable-compression", "insecure-skip-tls-verify", "match-server-version", "warnings-as-errors")

GLOBAL_FLAGS = (
    Flag("namespace", "n", "default", "openfaas for the lab's services, openfaas-fn for functions"),
    Flag("help", "h", False, "Help for a command"),
    Flag("kubeconfig", "", "", "A cluster of your own"),
    Flag("context", "", "", "A cluster of your own"),
    Flag("cluster", "", "", "A cluster of your own"),
    Flag("server", "s", "", "A cluster of your own"),
    Flag("v", "v", 0, _IGNORED),
    *(Flag(name, "", "", _IGNORED) for name in _TEXTS),
    *(Flag(name, "", False, _IGNORED) for name in _SWITCHES),
)
LOGS_FLAGS = (
    Flag("follow", "f", False, "Follow new lines"),
    Flag("since", "", "", "Only lines younger than a duration such as 5m"),
    Flag("since-time", "", "", "Only lines after an RFC 3339 time"),
    Flag("tail", "", -1, "Number of the newest lines; all if -1"),
    Flag("timestamps", "", False, "Start each line with its time"),
    Flag("prefix", "", False, "Start each line with pod and container"),
    Flag("limit-bytes", "", 0, "Most bytes of the log"),
    Flag("container", "c", "", "A pod of the lab has one, with the name of its deployment"),
    Flag("selector", "l", "", "app=NAME, or faas_function=NAME"),
    Flag("previous", "p", False, "There is no log of a previous container"),
    Flag("all-containers", "", False, _IGNORED),
    Flag("all-pods", "", False, "Sets --prefix"),
    Flag("ignore-errors", "", False, _IGNORED),
    Flag("insecure-skip-tls-verify-backend", "", False, _IGNORED),
    Flag("max-log-requests", "", 5, _IGNORED),
    Flag("pod-running-timeout", "", "20s", _IGNORED),
)
GET_FLAGS = (
    Flag("output", "o", "", "name or wide"),
    Flag("no-headers", "", False, "Without the heading"),
)
ROLLOUT_FLAGS = (Flag("watch", "w", True, _IGNORED), Flag("timeout", "", "0s", _IGNORED))
VERBS = {"logs": LOGS_FLAGS, "log": LOGS_FLAGS, "get": GET_FLAGS, "rollout": ROLLOUT_FLAGS}

_OFFLINE = ("completion", "config", "help", "kustomize", "options", "plugin")
"""Commands that ask no cluster."""
CLUSTER_FLAGS = ("kubeconfig", "context", "cluster", "server")


class CommandLine(NamedTuple):
    """A command line, as far as it is known whatever its verb.

    Attributes:
        words: As typed.
        verb: Its first word that is no flag, or "".
        flags: The global flags.
        asks_no_cluster: It prints help, or works on files only.
    """

    words: Sequence[str]
    verb: str
    flags: Arguments
    asks_no_cluster: bool

    @property
    def namespace(self) -> str:
        """The namespace; that of a kubeconfig is not known."""
        return self.flags.text("namespace")

    @property
    def cluster_flags(self) -> list[str]:
        """The flags that name a cluster."""
        return [name for name in CLUSTER_FLAGS if self.flags.given(name)]


def read(words: Sequence[str]) -> CommandLine:
    """Read a command line whose verb may have flags that are not known.

    Raises:
        UsageError: A global flag is not valid.
    """
    others, global_words = _split(words)
    verb = others[0] if others else ""
    flags = parse(GLOBAL_FLAGS, global_words)
    offline = verb in ("", *_OFFLINE) or flags.on("help") or (verb == "version" and "--client" in words)
    return CommandLine(words, verb, flags, offline)


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the words, and the global flags, wherever they stand."""
    names = {f"--{flag.name}": flag for flag in GLOBAL_FLAGS}
    shorts = {flag.short: flag for flag in GLOBAL_FLAGS if flag.short}
    others: list[str] = []
    found: list[str] = []
    rest = list(words)
    while rest and rest[0] != "--":
        word = rest.pop(0)
        name, equals, _ = word.partition("=")
        is_long = word.startswith("--")
        flag = names.get(name) if is_long else shorts.get(word[1:2])
        if not word.startswith("-"):
            others.append(word)
        elif flag is not None:
            found.append(word)
            is_alone = not equals if is_long else len(word) == 2
            if is_alone and rest and not isinstance(flag.default, bool):
                found.append(rest.pop(0))
    return others, found


def parse_verb(line: CommandLine) -> Arguments:
    """Return the arguments of a verb that the lab knows, without the verb."""
    arguments = parse((*GLOBAL_FLAGS, *VERBS[line.verb]), line.words)
    arguments.words.pop(0)
    return arguments
