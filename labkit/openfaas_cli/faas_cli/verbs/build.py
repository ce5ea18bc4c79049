"""faas-cli build: turn a function's folder into an image."""

from __future__ import annotations

import time
from pathlib import Path

from labkit.openfaas_cli.faas_cli.arguments import key_values
from labkit.openfaas_cli.faas_cli.build_context import create_build_context
from labkit.openfaas_cli.faas_cli.build_options import BuildImage, BuildOptions
from labkit.openfaas_cli.faas_cli.docker_build import docker_build, functions_are_in_docker
from labkit.openfaas_cli.faas_cli.image_tag import TAG, check_image_name, tagged
from labkit.openfaas_cli.faas_cli.output import echo, red, yellow
from labkit.openfaas_cli.faas_cli.process_build import process_build
from labkit.openfaas_cli.faas_cli.stack import Stack, StackFunction, stack_of
from labkit.openfaas_cli.faas_cli.templates import Template, TemplateError, find_template, read_template
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, Verb
from labkit.openfaas_cli.faas_cli.verbs.template import pull_missing_templates
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError
from labkit_services.contract.errors import LabError

_PACKAGES = "ADDITIONAL_PACKAGE"
"""The ARG that gets the packages of all build options."""


class BuildError(LabError):
    """Errors received during build."""


def run_build(arguments: Arguments, build_image: BuildImage | None = None) -> None:
    """Build the functions of the stack file, or the flags' function.

    By default images are built for what the lab's functions run in. A failed
    build is an error only after the others have been built.
    """
    build_image = build_image or (docker_build if functions_are_in_docker() else process_build)
    flags = {name: arguments.on(name.replace("_", "-")) for name in ("no_cache", "pull", "squash", "quiet")}
    options = BuildOptions(_build_args(arguments), key_values(arguments, "build-label"), **flags)
    if arguments.number("parallel") < 1:
        raise UsageError("the --parallel flag must be great than 0")
    stack = stack_of(arguments)
    if not arguments.on("disable-stack-pull"):
        pull_missing_templates(stack, arguments)
    if not stack.functions:
        _build(_from_flags(arguments), stack, arguments, options, build_image)
        return
    start, errors = time.monotonic(), []
    for function in stack.functions.values():
        if function.skip_build:
            echo(f"Skipping build of: {function.name}.")
            continue
        function_start = time.monotonic()
        echo(yellow(f"[0] > Building {function.name}."))
        try:
            if function.lang:
                build_args = {**function.build_args, **options.build_args}
                _build(function, stack, arguments, options._replace(build_args=build_args), build_image)
            else:
                echo("Please provide a valid language for your function.")
        except LabError as error:
            errors.append(error)
        took = time.monotonic() - function_start
        echo(yellow(f"[0] < Building {function.name} done in {took:.2f}s."))
    echo(yellow("[0] Worker done."))
    echo(f"\n{yellow(f'Total build time: {time.monotonic() - start:.2f}s')}")
    if errors:
        summary = "".join(f"- {error}\n" for error in errors)
        raise BuildError(red(f"Errors received during build:\n{summary}"))


def _build(
    function: StackFunction,
    stack: Stack,
    arguments: Arguments,
    options: BuildOptions,
    build_image: BuildImage,
) -> None:
    template = _template(function.lang)
    if not Path(function.handler).exists() or not function.handler:
        raise BuildError(f"building {function.name}, {function.handler} is an invalid path")
    context = create_build_context(function, template, _merged(stack.copied, arguments.texts("copy-extra")))
    if arguments.on("shrinkwrap"):
        echo(f"{function.name} shrink-wrapped to {context}")
        return
    function = tagged(function, arguments)
    chosen = _merged(function.build_options, arguments.texts("build-option"))
    packages = _packages(function.lang, template, chosen, options.build_args.get(_PACKAGES, ""))
    echo(f"Building: {function.image} with {function.lang} template. Please wait..")
    check_image_name(function.image)
    build_args = {**options.build_args, _PACKAGES: packages}
    build_image(function, context, options._replace(build_args=build_args))
    echo(f"Image: {function.image} built.")


def _template(language: str) -> Template:
    """Return the template of a language; as in the real one, in any case."""
    folder = find_template(language.lower())
    try:
        if folder is not None:
            return read_template(folder)
    except TemplateError as error:
        raise BuildError(_unsupported(language)) from error
    raise BuildError(_unsupported(language))


def _unsupported(language: str) -> str:
    return f"language template: {language} not supported, build a custom Dockerfile"


def _packages(language: str, template: Template, options: list[str], given: str) -> str:
    """Return the packages of build options, with those given, sorted."""
    unavailable = [option for option in options if option not in template.build_options]
    if unavailable:
        raise BuildError(
            f"Error: You're using a build option unavailable for {language}.\n"
            f"Please check /template/{language}/template.yml for supported build options"
        )
    packages = {package for option in options for package in template.build_options[option]}
    return " ".join(sorted(packages.union(given.split())))


def _merged(values: list[str], overlay: list[str]) -> list[str]:
    """Return a flag's values and then those of the stack file, each once."""
    return list(dict.fromkeys([*overlay, *values]))


def _build_args(arguments: Arguments) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in arguments.texts("build-arg"):
        name, equals, value = text.partition("=")
        name, value = name.strip(), value.strip()
        if not equals:
            raise UsageError("each build-arg must take the form key=value")
        if not name or not value:
            raise UsageError(f"build-arg must have a non-empty {'value' if name else 'key'}")
        pairs[name] = f"{pairs[name]} {value}" if name == _PACKAGES and name in pairs else value
    return pairs


def _from_flags(arguments: Arguments) -> StackFunction:
    """Return the function of ``--image``, ``--handler`` and ``--name``."""
    name, image, handler = (arguments.text(flag) for flag in ("name", "image", "handler"))
    if not image:
        raise UsageError("please provide a valid --image name for your Docker image")
    if not handler:
        raise UsageError("please provide the full path to your function's handler")
    if not name:
        raise UsageError("please provide the deployed --name of your function")
    language = arguments.text("lang")
    language = "dockerfile" if language == "Dockerfile" else language
    return StackFunction(name, lang=language, image=image, handler=handler)


FLAGS = (
    Flag("build-arg", "b", [], "Value for an ARG of the Dockerfile, KEY=VALUE"),
    Flag("build-label", "", [], "Label of the image, LABEL=VALUE"),
    Flag("build-option", "o", [], "Build option of the template, such as dev"),
    Flag("copy-extra", "", [], "Another path to copy into the build context"),
    Flag("disable-stack-pull", "", False, "Do not pull the templates that the stack file names"),
    ENVSUBST,
    Flag("handler", "", "", "Folder of the function"),
    Flag("image", "", "", "Name of the image to build"),
    Flag("lang", "", "", "Language of the function"),
    Flag("name", "", "", "Name of the function"),
    Flag("no-cache", "", False, "Do not use the build cache (processes have none)"),
    Flag("parallel", "", 1, "Accepted; a build takes milliseconds"),
    Flag("pull", "", False, "Pull base images anew (those of processes are part of the lab)"),
    Flag("quiet", "", False, "Do not print the steps of the Dockerfile"),
    Flag("shrinkwrap", "", False, "Only write the function's files to ./build/"),
    Flag("squash", "", False, "Make one layer (for processes there are none)"),
    TAG,
)

COMMAND = Verb(
    "Build the images of functions",
    run_build,
    flags=FLAGS,
    examples=("faas-cli build", "faas-cli build -f stack.yaml --filter long-task"),
)
