"""The look of boxes in a notebook: errors, verdicts, hints."""

from __future__ import annotations

_STYLE = """\
.NAME{border:1px solid var(--jp-border-color2,rgba(128,128,128,.4));border-left:4px solid \
ACCENT;border-radius:3px;padding:6px 10px;margin:4px 0;max-width:64rem;\
color:var(--jp-ui-font-color1,inherit);\
font:var(--jp-ui-font-size1,13px)/1.5 var(--jp-ui-font-family,sans-serif)}
.NAME dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:2px 12px;margin:0}
.NAME dt{font-weight:600;margin:0;float:none;width:auto}
.NAME.NAME dd{margin:0;float:none;width:auto;overflow-wrap:anywhere;white-space:pre-wrap}
.NAME.NAME pre{margin:2px 0;padding:4px 8px;overflow:auto;max-height:20em;white-space:pre;\
background:var(--jp-layout-color2,rgba(128,128,128,.14));color:inherit;\
font:var(--jp-code-font-size,13px)/1.4 var(--jp-code-font-family,monospace)}
.NAME summary{cursor:pointer;margin-top:4px}
.NAME summary:focus-visible{outline:2px solid var(--jp-brand-color1,#1976d2);outline-offset:2px}
@media (max-width:480px){.NAME dl{grid-template-columns:minmax(0,1fr)}}"""


def box_style(name: str, accent: str) -> str:
    """Return the style of a box with class ``name``; ``accent`` is a colour.

    Its parts are a ``dl`` of labels and texts, ``pre`` and ``details``.
    """
    return _STYLE.replace("NAME", name).replace("ACCENT", accent)
