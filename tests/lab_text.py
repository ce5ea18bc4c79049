"""What the lab text has the learner type, and what it shows."""

from __future__ import annotations

SHELL_BLOCKS = {
    "make a folder": """\
mkdir -p lab7 \\
   && cd lab7
""",
    "create the function": """\
faas-cli new --lang dockerfile long-task --prefix="<your-docker-username-here>"
""",
    "ten synchronous calls": """\
echo -n "" | faas-cli invoke long-task
echo -n "" | faas-cli invoke long-task
echo -n "" | faas-cli invoke long-task
echo -n "" | faas-cli invoke long-task
echo -n "" | faas-cli invoke long-task
echo -n "" | faas-cli invoke long-task
echo -n "" | faas-cli invoke long-task
echo -n "" | faas-cli invoke long-task
echo -n "" | faas-cli invoke long-task
echo -n "" | faas-cli invoke long-task
""",
    "as many asynchronous ones, and one more": """\
echo -n "" | faas-cli invoke long-task --async
echo -n "" | faas-cli invoke long-task --async
echo -n "" | faas-cli invoke long-task --async
echo -n "" | faas-cli invoke long-task --async
echo -n "" | faas-cli invoke long-task --async
echo -n "" | faas-cli invoke long-task --async
echo -n "" | faas-cli invoke long-task --async
echo -n "" | faas-cli invoke long-task --async
echo -n "" | faas-cli invoke long-task --async
echo -n "" | faas-cli invoke long-task --async
echo -n "" | faas-cli invoke long-task --async
""",
    "the queue-worker's log": """\
kubectl logs deployment/queue-worker -n openfaas
""",
    "a callback to a bin": """\
echo -n "LaterIsBetter" | faas-cli invoke figlet --async \
--header "X-Callback-Url http://requestbin.com/r/1i7i1we1"
""",
}
"""The shell blocks of the lab text, without prompts."""

BANNER = [
    r" _          _           ___     ____       _   _            ",
    r"| |    __ _| |_ ___ _ _|_ _|___| __ )  ___| |_| |_ ___ _ __ ",
    r"| |   / _` | __/ _ \ '__| |/ __|  _ \ / _ \ __| __/ _ \ '__|",
    r"| |__| (_| | ||  __/ |  | |\__ \ |_) |  __/ |_| ||  __/ |   ",
    r"|_____\__,_|\__\___|_| |___|___/____/ \___|\__|\__\___|_|   ",
    r"                                                            ",
]
"""The output of `figlet` for LaterIsBetter in the lab text."""
