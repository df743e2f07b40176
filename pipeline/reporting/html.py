"""Pieces of a self-contained HTML page: no script, nothing loaded from elsewhere, all text escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from pipeline.reporting.figures import Drawing

NONE = "–"
CSS = """
:root{color-scheme:light;--ink:#1f2328;--soft:#57606a;--line:#d5d9df;--faint:#f4f6f8;--red:#a4001d}
*{box-sizing:border-box}
body{margin:0;background:#fff;color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,"Noto Sans","Noto Sans CJK SC",sans-serif}
main{max-width:1060px;margin:0 auto;padding:2.2rem 1.2rem 4rem}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .4rem;letter-spacing:-.01em}
h2{font-size:1.3rem;margin:2.8rem 0 .5rem;padding-top:.9rem;border-top:1px solid var(--line)}
h3{font-size:1.02rem;margin:1.6rem 0 .3rem}
p{margin:.5rem 0;max-width:76ch}
a{color:#0550ae}
.verdict{font-size:1.08rem;color:var(--soft);margin:0 0 1rem}
.verdict.odd{color:#8a5200;font-weight:600}
.verdict.bad{color:var(--red);font-weight:600}
nav{font-size:.88rem;margin:1rem 0}
nav a{margin-right:1.1em;white-space:nowrap}
.notice{border-left:5px solid;padding:.6rem 1rem;margin:.8rem 0;border-radius:0 4px 4px 0;max-width:none}
.notice p{max-width:none;margin:.2rem 0}
.red{border-color:var(--red);background:#fdeef0;color:#7a0016}
.amber{border-color:#b36b00;background:#fff6e5;color:#5f3a00}
.plain{border-color:#0072b2;background:#eef6fb}
.scroll{overflow-x:auto;margin:.8rem 0}
table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums lining-nums;min-width:50%}
.note{color:var(--soft);font-size:.86rem;line-height:1.45;max-width:100ch;margin-top:-.2rem}
th,td{padding:.34rem .55rem;text-align:right;vertical-align:top;border-bottom:1px solid var(--line);white-space:nowrap}
thead th{border-bottom:2px solid var(--ink);font-weight:600;vertical-align:bottom;white-space:normal}
th:first-child,td:first-child{padding-left:0}
.text{text-align:left}
.wrap{white-space:normal;overflow-wrap:anywhere;min-width:16ch}
tbody tr:nth-child(even){background:var(--faint)}
td small{display:block;color:var(--soft);font-size:.8em}
figure{margin:1rem 0;break-inside:avoid}
figure img{max-width:100%;height:auto;display:block}
figcaption{font-size:.86rem;color:var(--soft);max-width:76ch}
.pair{display:flex;flex-wrap:wrap;gap:0 1.2rem}
.pair figure{flex:1 1 400px}
.sheet{display:grid;grid-template-columns:repeat(auto-fill,minmax(140px,1fr));gap:.9rem;margin:.7rem 0}
.sheet figure{margin:0;font-size:.78rem;line-height:1.35}
.sheet img,.sheet .none{width:100%;height:140px;object-fit:contain;background:var(--faint)}
.sheet .none{display:flex;align-items:center;justify-content:center;padding:.5rem;color:var(--soft);text-align:center}
.sheet figcaption{font-size:inherit;color:var(--ink);overflow-wrap:anywhere}
code,pre{font:0.86em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
pre{background:var(--faint);padding:.8rem 1rem;overflow-x:auto;border-radius:4px}
@media print{body{font-size:10pt}main{max-width:none;padding:0}nav{display:none}
h2{break-after:avoid}table,.sheet figure,.notice{break-inside:avoid}.scroll{overflow:visible}
th,td{padding:.2rem .4rem}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""


@dataclass(frozen=True)
class Html:
    """Text that is already HTML; everything else is escaped when it is put into a page."""

    text: str


def esc(value: Any) -> str:
    """HTML of a value: escaped, unless it is `Html`."""
    return value.text if isinstance(value, Html) else html.escape(str(value))


def missing(value: Any) -> bool:
    """Whether a number is absent: None or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def number(value: Any, digits: int = 3, *, sign: bool = False) -> str:
    """A number with fixed digits, whole numbers with thousands commas, a dash where there is none."""
    if missing(value):
        return NONE
    if isinstance(value, Integral):
        return f"{value:,}"
    return f"{value:{'+' if sign else ''}.{digits}f}".replace("-", "\u2212")


def percent(value: Any, digits: int = 1) -> str:
    """A share in per cent."""
    return NONE if missing(value) else f"{100 * value:.{digits}f}\u00a0%"


def figure_cell(figure: dict[str, Any] | None, digits: int = 3, *, sign: bool = False) -> Html:
    """A value with its interval under it."""
    if not figure or missing(figure.get("value")):
        return Html(NONE)
    text = number(figure["value"], digits, sign=sign)
    if missing(figure.get("low")):
        return Html(text)
    low, high = (number(figure[side], digits, sign=sign) for side in ("low", "high"))
    return Html(f"{text}<small>{low}{' … ' if sign else '–'}{high}</small>")


def table(
    head: Sequence[Any],
    rows: Iterable[Sequence[Any]],
    *,
    text: int = 1,
    wrap: Sequence[int] = (),
    caption: Any = "",
) -> str:
    """A table; the first `text` columns are words (left), the others numbers (right).

    wrap : columns whose words may break over lines.
    """

    def css(at: int) -> str:
        names = ["text"] * (at < text or at in wrap) + ["wrap"] * (at in wrap)
        return f' class="{" ".join(names)}"' if names else ""

    top = "".join(f'<th scope="col"{css(at)}>{esc(cell)}</th>' for at, cell in enumerate(head))
    body = "".join(
        "<tr>" + "".join(f"<td{css(at)}>{esc(cell)}</td>" for at, cell in enumerate(row)) + "</tr>\n"
        for row in rows
    )
    below = f'<p class="note">{esc(caption)}</p>\n' if caption else ""
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead>\n<tbody>{body}</tbody></table></div>\n{below}'


def picture(drawing: Drawing, caption: Any = "") -> str:
    """A drawing with its alternative text and a caption."""
    below = f"<figcaption>{esc(caption)}</figcaption>" if caption else ""
    image = f'<img src="{drawing.uri}" alt="{esc(drawing.alt)}" width="{drawing.width}">'
    return f"<figure>{image}{below}</figure>\n"


def paragraph(text: Any) -> str:
    """A paragraph; nothing for an empty text."""
    return f"<p>{esc(text)}</p>\n" if esc(text) else ""


def notice(kind: str, lines: Sequence[Any]) -> str:
    """A coloured box; kind : red, amber or plain. Nothing without lines."""
    return f'<div class="notice {kind}">{"".join(paragraph(line) for line in lines)}</div>\n' if lines else ""


def section(key: str, title: str, body: str) -> str:
    """A titled part of the page that the contents can point to."""
    return f'<section id="{key}"><h2>{esc(title)}</h2>\n{body}</section>\n'


def document(title: str, head: str, parts: Sequence[tuple[str, str, str]]) -> str:
    """The whole page. head : HTML under the title; parts : (key, title, HTML)."""
    links = "".join(f'<a href="#{key}">{esc(name)}</a> ' for key, name, _ in parts)
    body = "".join(section(*part) for part in parts)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{esc(title)}</title><style>{CSS}</style></head>\n<body><main>\n<h1>{esc(title)}</h1>\n"
        f'{head}<nav aria-label="Contents">{links}</nav>\n{body}</main></body></html>\n'
    )
