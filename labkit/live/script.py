"""The script and the style of a live view, with their data."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from labkit.live.bundle import bundled

_ROOT = Path(str(files("labkit_services.web")))


@cache
def words(lang: str) -> dict[str, Any]:
    """Return the catalogue of a language, by key."""
    return dict(json.loads((_ROOT / f"words/{lang}.json").read_text("utf-8")))


@cache
def script(kind: str, lang: str) -> str:
    """Return the ES module of a view, with the words of a language."""
    marks = json.loads((_ROOT / "marks.json").read_text("utf-8"))
    data = json.dumps({"words": words(lang), "marks": marks, "lang": lang}, ensure_ascii=False)
    return (
        f"const [host, view] = {bundled(_ROOT, 'notebook/host.js', f'notebook/{kind}.js')};\n"
        f"const data = {data};\n"
        "export default { render: (widget) => host.connect(view.mount, widget, data) };\n"
    )


@cache
def style(*names: str) -> str:
    """Return style sheets below ``web`` as one; each only once."""
    return "\n".join((_ROOT / name).read_text("utf-8") for name in dict.fromkeys(names))
