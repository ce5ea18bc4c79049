"""Verb and group of verbs, and the flags that many verbs share."""

from __future__ import annotations

from labkit.openfaas_cli.pflag import Arguments, Flag, first_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_VERBS = "labkit.openfaas_cli.faas_cli.verbs"

DEFAULT_GATEWAY = "http://127.0.0.1:8080"

FILTER = Flag("filter", "", "", "Wildcard to match with function names in the stack file")
GLOBAL_FLAGS = (
    Flag("yaml", "f", "", "Path to the stack file that describes the functions"),
    FILTER,
    Flag("regex", "", "", "Regular expression to match with function names in the stack file"),
)
HIDDEN = frozenset({"bashcompletion", "namespaces", "print-token"})
"""The verbs that help, completion and suggestions leave out."""

HELP_ABOUT = "Help about any command"
HELP = Flag("help", "h", False, "Show this message and exit.")

ENVSUBST = Flag("envsubst", "", True, "Substitute environment variables in the stack file")
GATEWAY = Flag("gateway", "g", DEFAULT_GATEWAY, "Gateway URL starting with http(s)://")
NAMESPACE = Flag("namespace", "n", "", "Namespace of the function")
TLS = Flag("tls-no-verify", "", False, "Disable TLS validation")
TOKEN = Flag("token", "k", "", "JWT token to use instead of basic authentication")
GATEWAY_FLAGS = (GATEWAY, TLS, TOKEN)
"""Flags of the verbs that use the gateway's ``/system`` routes."""


class Verb:
    """One verb, such as ``faas-cli invoke``.

    ``words`` are the arguments other than flags, for the usage line.
    """

    def __init__(
        self,
        short: str,
        run: Callable[[Arguments], None],
        flags: Sequence[Flag] = (),
        words: str = "",
        examples: Sequence[str] = (),
    ) -> None:
        self.short = short
        self.run = run
        self.flags = (*flags, *GLOBAL_FLAGS, HELP)
        self.words = words
        self.examples = examples


class Group:
    """A verb that has verbs of its own, such as ``faas-cli store``.

    ``verbs`` are by name, with aliases after a comma: ``"remove, rm,
    delete"``; None stands for the ``COMMAND`` of the module ``verbs/NAME.py``.
    ``alone`` is printed, in place of the help, if no verb is named.
    """

    def __init__(
        self,
        short: str,
        verbs: Mapping[str, Verb | Group | None],
        examples: Sequence[str] = (),
        alone: str = "",
    ) -> None:
        self.short = short
        self.alone = alone
        self.verbs = verbs
        self.flags = (*GLOBAL_FLAGS, HELP)
        self.examples = examples

    def find(self, name: str) -> tuple[str, Verb | Group] | None:
        """Return the verb that is called ``name``, after all its names."""
        for names, verb in self.verbs.items():
            if name in names.split(", "):
                module = names.partition(",")[0].replace("-", "_")
                return names, verb or __import__(f"{_VERBS}.{module}", fromlist=["COMMAND"]).COMMAND
        return None


def find_verb(root: Group, words: list[str]) -> tuple[list[str], Verb | Group]:
    """Find the verb that words name, and remove its name from them.

    What is left, flags before the name too, is the verb's command line. As in
    the real one, --help is not known yet, and takes the next word.

    Returns:
        The names on the way to the verb, each with its aliases after a comma,
        and the verb.
    """
    path = ["faas-cli"]
    verb: Verb | Group = root
    while isinstance(verb, Group):
        place = first_word(GLOBAL_FLAGS, words)
        found = None if place is None else verb.find(words[place])
        if place is None or found is None:
            break
        words.pop(place)
        names, verb = found
        path.append(names)
    return path, verb
