# ruff: noqa: E501 - the markup is a table
"""HTML as golden files store it: laid out, for a browser and for a diff; or in short.

A file .html is a page as a browser shows it to users, but for its raw JSON. Its style sheet is the repository's, by a link; where a page has
another, `laid_out` fails. All other pages are stored in short: what has one markup everywhere (a row of steps, a bar, a
line of a transcript), which a .html file shows, is an element that says what differs.
"""

import base64
import hashlib
import re
from pathlib import Path

from imapcheck.report.drawing import COLOURS
from imapcheck.version import VERSION

_SHEET = "layers/imapcheck/imapcheck/report/report.css"
_STYLE = (Path(__file__).parents[3] / _SHEET).read_text(encoding="utf-8")
_IF_DARK = "@media screen and (prefers-color-scheme: dark)"
_STYLES = {
    _STYLE: "",
    _STYLE.replace(_IF_DARK, "@media screen"): "<!-- dark -->",
    _STYLE.replace(_IF_DARK, "@media not all"): "<!-- light -->",
}
_HASH = f"&#39;sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}&#39;"
# Of the raw JSON its beginning and end: `test_report` reads it.
_JSON = re.compile(r'(<pre tabindex="0">.{20}).*?(.{4}</pre>)', re.DOTALL)
# Where a line begins: at elements before which nobody sees white space.
_BLOCK = re.compile(
    r"(?=<(?:html|head|meta|link|body|div|main|header|footer|section|article|h[1-6]|p|table|caption|thead|tbody|tfoot|tr"
    r"|td|ul|ol|li|dl|dt|details|pre|text|button|select|label|option|cwdb-action|svg class=.(?:strip|axis)"
    r'|rect x="[\d.]+%" (?:y="0" )?width="[\d.]+%")\b)|(?<=no-referrer">)(?=<title)'
)


def laid_out(markup: str) -> str:
    """The page or fragment, with an element on each line; of the raw JSON its beginning and end."""
    link = f'<link rel="stylesheet" href="../../../{_SHEET}">'
    text = re.sub(r"<style>(.*?)</style>", lambda found: _STYLES[found[1]] + link, markup, flags=re.DOTALL)
    text = _JSON.sub(r"\1 … \2", text)
    assert "\n<" not in text
    return _BLOCK.sub("\n", text.replace(_HASH, "file:").replace(VERSION, "VERSION")).lstrip("\n") + "\n"


def in_short(text: str) -> str:
    """What `laid_out` made, a row on a line."""
    text = re.sub(r"\n(?=<(?:td|text|rect|div class=.detail))", "", text)
    for name, color in COLOURS.items():
        text = text.replace(f'class="bar {name}" fill="{color}"', f"bar={name}")
    for markup, short in _SHORT.items():
        text = re.sub(markup, short, text, flags=re.DOTALL)
    text = re.sub(rf"(?:<tick {_PERCENT}>)+", lambda found: f"<grid {' '.join(re.findall(_PERCENT, found[0]))}>", text)
    grids = re.split(r"(<grid [^>]+>)", text)
    return "".join("<grid>" if at > 1 and part == grids[at - 2] else part for at, part in enumerate(grids))


_PERCENT = r"([\d.]+%)"
_LINE = rf'x1="{_PERCENT}" x2="\1" y1="0" y2="100%"'
_SHORT = {
    rf'<line class="tick" {_LINE} stroke="#8883" stroke-width="1"></line>': r"<tick \1>",
    rf'<line class="mark" {_LINE} stroke="#d1242f" stroke-width="2" stroke-dasharray="3 2"></line>': r"<mark \1>",
    rf'<text x="{_PERCENT}" y="12" text-anchor="(\w+)" fill="currentColor" class="(\w+)">([^<]*)</text>': r"<axis \1 \2 \3>\4",
    rf'<rect x="{_PERCENT}" width="{_PERCENT}" y="4" height="14" rx="1" bar=(\w+)></rect>': r"<bar \3 \1 \2>",
    rf'<rect x="{_PERCENT}" width="2" y="4" height="14" bar=(\w+)></rect>': r"<least \2 \1>",
    rf"<bar (\w+) {_PERCENT} {_PERCENT}><least \1 \2>": r"<bar \1 \2 \3>",
    rf'<rect x="{_PERCENT}" y="0" width="{_PERCENT}" height="14" bar=(\w+)><title>([^<]*)</title></rect>': r"<part \3 \1 \2>\4",
    r'<svg class="row" width="100%" height="100%" aria-hidden="true" focusable="false">(.*?)</svg>': r"<svg>\1",
    r'<tr class="([\w ]+)"><th scope="row"><span class="sign" aria-hidden="true">(.)</span>(\w+)<span class="hidden"> (\w+)</span></th><td class="frame">': r"<row \1: \2 \3 \4>",
    r'<li><svg class="swatch" width="10" height="10" aria-hidden="true" focusable="false"><rect x="0" y="0" width="10" height="10" bar=(\w+)></rect></svg>': r"<li \1>",
    r'<li id="([\w-]*L(\d+))" class="(\w+)"><a class="number" href="#\1" aria-label="Line \2" tabindex="-1">\2</a><code><bdi>(.*?)</bdi></code></li>': r"<line \1 \3>\4",
}
