"""A live view's script in a plain page, with a stand-in for its widget's model.

JupyterLab itself is in ``test_live_views.py``; this is for what needs no kernel.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from chromium import Chromium

from labkit.live.script import script, style

_PAGE = """<!doctype html><html lang="LANG"><meta charset="utf-8"><title>Live view</title>
<meta name="color-scheme" content="light dark"><style>
html { color: light-dark(#000, #fff); background: light-dark(#fff, #111) }
body { margin: 8px } h1 { font-size: 14px }
STYLE</style><main class="jp-Notebook"><h1>Notebook</h1><div id="cell"></div></main>"""
_MODEL = """
class Model {
    sent = [];
    handlers = new Map();
    constructor(state) { this.state = state; }
    get(name) { return this.state[name]; }
    on(name, handler) { this.handlers.set(name, [...this.handlers.get(name) ?? [], handler]); }
    off(name, handler) { this.handlers.set(name, this.handlers.get(name).filter((one) => one !== handler)); }
    send(content) { this.sent.push(content); }
    tell(name, value) { for (const handler of this.handlers.get(name) ?? []) handler(value); }
    get listeners() { return [...this.handlers.values()].flat().length; }
}
window.show = (url, state) => import(url).then(({ default: view }) => {
    window.view = view;
    window.model = new Model(state);
    window.end = view.render({ model, el: document.getElementById('cell') });
    return true;
});
"""


class LiveViewPage:
    """A page with one live view."""

    def __init__(
        self, browser: Chromium, kind: str, settings: Mapping[str, Any], *styles: str, lang: str = "en"
    ) -> None:
        html = _PAGE.replace("STYLE", style("notebook/host.css", *styles)).replace("LANG", lang)
        self.tab = browser.open()
        frame = self.tab.call("Page.getFrameTree")["frameTree"]["frame"]["id"]
        self.tab.call("Page.setDocumentContent", frameId=frame, html=html)
        code = base64.b64encode(script(kind, lang).encode()).decode()
        state = {"settings": {"kind": kind, "lang": lang, "options": {}, **settings}, "keyframe": {}}
        self.tab.evaluate(_MODEL + "; 1")
        self.tab.evaluate(f"show('data:text/javascript;base64,{code}', {json.dumps(state)})")
        self._seq = 0

    def message(self, topics: Mapping[str, Any], *, epoch: int = 0) -> None:
        """Give it a message of the feed."""
        self._seq += 1
        message = json.dumps({"seq": self._seq, "epoch": epoch, "topics": topics})
        self.tab.evaluate(f"model.tell('msg:custom', {message})")

    def calls(self, calls: list[dict[str, Any]], **more: Any) -> None:
        self.message({"calls": {"calls": calls, "counts": {}, "faults": [], **more}})

    def keyframe(self, keyframe: Mapping[str, Any]) -> None:
        """Set the trait that a page reads when it is loaded."""
        self.tab.evaluate(f"model.state.keyframe = {json.dumps(keyframe)}; model.tell('change:keyframe')")

    def end(self) -> None:
        """Clean up, as when its cell is deleted."""
        self.tab.evaluate("end()")
