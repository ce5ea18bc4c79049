"""ES modules put into one script: scopes, shared modules, what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from labkit.live.bundle import BundleError, bundled
from labkit.live.script import script, style

WEB = Path(__file__).parents[2] / "services/labkit_services/web"


def write(folder: Path, **modules: str) -> Path:
    for name, text in modules.items():
        path = folder / (name.replace("__", "/") + ".js")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_imported_modules_come_first_and_each_once(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        entry='import { a } from "./sub/a.js";\nimport { b as c } from "./b.js";\nexport const s = a + c;\n',
        sub__a='import { b } from "../b.js";\nexport const a = b + 1;\n',
        b="export const b = 1;\n",
    )

    text = bundled(root, "entry.js")

    assert re.findall(r"^// (\S+)$", text, re.M) == ["b.js", "sub/a.js", "entry.js"]
    assert "const { b: c } = $module0;" in text
    assert not re.search(r"^(import|export)\b", text, re.M)


def test_every_form_of_import_and_export_that_is_allowed(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        entry='import * as all from "./a.js";\nimport "./b.js";\n'
        'import {\n  f,\n  C as D,\n} from "./a.js";\n'
        'export { f as g } from "./a.js";\nexport { all };\nexport async function later() {}\n',
        a="export function f() {}\nexport class C {}\nconst x = 1;\nexport { x as y };\n",
        b="globalThis.ran = true;\n",
    )

    text = bundled(root, "entry.js")

    assert "const all = $module0;" in text
    assert "const { f: f, C: D } = $module0;" in text
    assert "return { g: $module0.f, all: all, later };" in text
    assert "y: x" in text


def test_two_entries_share_their_modules(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        one='import { b } from "./b.js";\nexport const x = b;\n',
        two='import { b } from "./b.js";\nexport const y = b;\n',
        b="export const b = {};\n",
    )

    text = bundled(root, "one.js", "two.js")

    assert text.count("export") == 0
    assert text.count("// b.js") == 1
    assert text.rstrip().endswith("return [$module1, $module2];\n})()")


@pytest.mark.parametrize(
    ("modules", "seen"),
    [
        (
            {"entry": 'import { a } from "./a.js";\n', "a": 'import { e } from "./entry.js";\n'},
            "entry.js imports a.js imports entry.js",
        ),
        ({"entry": 'import { a } from "./none.js";\n'}, "no such file"),
        ({"entry": 'import { a } from "lodash";\n'}, "imports 'lodash'"),
        ({"entry": 'import { a } from "../../x.js";\n'}, "imports '../../x.js'"),
        ({"entry": "export default 1;\n"}, "export default 1"),
        ({"entry": "export let x = 1;\n"}, "export let x"),
        ({"entry": 'import a from "./a.js";\n', "a": ""}, "import a from"),
        ({"entry": "const here = import.meta.url;\n"}, "import.meta.url"),
        ({"entry": 'const more = await import("./a.js");\n'}, "import("),
    ],
)
def test_what_has_no_place_in_a_bundle_is_an_error(
    tmp_path: Path, modules: dict[str, str], seen: str
) -> None:
    write(tmp_path, **modules)

    with pytest.raises(BundleError) as raised:
        bundled(tmp_path, "entry.js")

    assert seen in raised.value.seen
    assert raised.value.expected


def test_a_missing_module_names_who_imports_it(tmp_path: Path) -> None:
    write(tmp_path, entry='import { a } from "./none.js";\n')

    with pytest.raises(BundleError) as raised:
        bundled(tmp_path, "entry.js")

    assert raised.value.expected == "the file none.js, which entry.js imports"


def test_comments_may_mention_imports(tmp_path: Path) -> None:
    write(tmp_path, entry="// import.meta.url has no place here\n/* nor import(x) */\nexport const x = 1;\n")

    assert "const x = 1;" in bundled(tmp_path, "entry.js")


@pytest.mark.parametrize("kind", sorted(path.stem for path in (WEB / "notebook").glob("*.js")))
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_module_of_the_notebook_can_be_bundled(kind: str, lang: str) -> None:
    text = script(kind, lang)

    assert re.findall(r"^export .*", text, re.M) == [
        "export default { render: (widget) => host.connect(view.mount, widget, data) };"
    ]
    words = json.loads((WEB / f"words/{lang}.json").read_text("utf-8"))
    assert words["live.title"] in text
    assert script(kind, lang) is text  # read once


def test_style_sheets_are_put_together_once_each() -> None:
    text = style("notebook/host.css", "timeline/timeline.css", "notebook/host.css")

    assert text.count(".lk-problem {") == 1
    assert ".tl-row" in text
