"""Reports as one page: a timeline of the steps, and each step with its passes.

The page is whole in itself: style inside, no script, nothing loaded from elsewhere.
Widths in the timeline are shares of the time; of a program that was not run, shares of
the bytes moved.
"""

from __future__ import annotations

import html
from typing import Any

from . import report_text as text

_STYLE = """
:root { --ink: #1d2733; --dim: #64748b; --line: #d8dee6; --paper: #ffffff;
  --soft: #f4f6f9; --kernel: #2f6fb3; --library: #3f8f5f; --host: #c2632b; --loop: #7a5bb0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e8ee; --dim: #93a1b3;
  --line: #35404d; --paper: #14191f; --soft: #1d242c; --kernel: #5b9bdd;
  --library: #62b685; --host: #e08a55; } }
body { margin: 0 auto; max-width: 68rem; padding: 2rem 1.5rem 4rem; color: var(--ink);
  background: var(--paper); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0 0 .2rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .6rem; }
p { margin: .3rem 0; } .dim { color: var(--dim); }
pre, code, .steps td { font-family: ui-monospace, monospace; font-size: 12.5px; }
pre { background: var(--soft); padding: .8rem 1rem; border-radius: 6px; overflow-x: auto;
  margin: .5rem 0; line-height: 1.45; }
.bar { display: flex; height: 2.6rem; gap: 1px; border-radius: 6px; overflow: hidden; }
.bar a { min-width: 3px; overflow: hidden; color: #fff; font-size: 12px;
  line-height: 2.6rem; padding: 0; text-align: center; text-decoration: none;
  white-space: nowrap; }
.kernel { background: var(--kernel); } .library { background: var(--library); }
.host { background: var(--host); }
.loop, .branch { background: var(--loop); }
.key { display: flex; gap: 1.2rem; margin: .5rem 0 0; color: var(--dim); }
.key i { display: inline-block; width: .8em; height: .8em; border-radius: 2px;
  margin-right: .4em; }
.wide { overflow-x: auto; }
.steps { border-collapse: collapse; width: 100%; }
.steps th { text-align: left; color: var(--dim); font-weight: 500; font-size: 12.5px; }
.steps th, .steps td { padding: .28rem 1rem .28rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; white-space: nowrap; }
.steps td.what { white-space: normal; min-width: 16rem; }
.steps .number { text-align: right; }
.meter { display: inline-block; width: 5rem; height: .55rem; background: var(--line);
  border-radius: 3px; overflow: hidden; margin-right: .5rem; }
.meter i { display: block; height: 100%; background: var(--kernel); }
section { border: 1px solid var(--line); border-radius: 8px; padding: .7rem 1rem;
  margin: .8rem 0; } section h3 { margin: 0; font-size: .95rem; }
section:target { outline: 2px solid var(--kernel); }
summary { cursor: pointer; color: var(--dim); margin-top: .3rem; }
ul { margin: .4rem 0; padding-left: 1.2rem; } a { color: inherit; }
"""


def page(report: Any) -> str:
    """The whole page."""
    name = html.escape(report.name)
    body = [
        f"<h1>{name}</h1>",
        f"<p class=dim>{html.escape(text.totals(report))}</p>",
        "<h2>Timeline</h2>",
        _timeline(report),
        "<h2>Steps</h2>",
        _table(report),
        "<h2>Passes</h2>",
        _folded("jaxpr", report.show("jaxpr")),
        _folded("simplified", report.show("simplified")),
        _folded("clusters", report.show("clusters")),
        *map(_section, report.steps),
    ]
    if report.peaks is not None:
        body.append(f"<p class=dim>{html.escape(text.peaks(report.peaks))}</p>")
    content = "\n".join(body)
    return (
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width, initial-scale=1">'
        f"<title>{name}: compiled</title><style>{_STYLE}</style></head>\n"
        f"<body>\n{content}\n</body></html>\n"
    )


def _weight(step: Any, report: Any) -> float:
    """The step's share of the timeline."""
    if report.seconds:
        return (step.seconds or 0.0) / report.seconds
    moved = [s.cost.read + s.cost.written for s in report.steps]
    return moved[step.number] / max(sum(moved), 1)


def _timeline(report: Any) -> str:
    parts = []
    for step in report.steps:
        weight = _weight(step, report)
        what = html.escape(text.heading(step))
        spent = "" if step.seconds is None else f", {text.duration(step.seconds)}"
        shown = html.escape(step.what[:24]) if weight > 0.12 else ""
        shown = shown or (str(step.number) if weight > 0.025 else "")
        parts.append(
            f'<a class={step.kind} href="#step{step.number}" title="{what}{spent}"'
            f' style="flex: {max(weight, 1e-4):.4f} 1 0">{shown}</a>'
        )
    kinds = dict.fromkeys(s.kind for s in report.steps)
    key = "".join(f"<span><i class={k}></i>{_KINDS[k]}</span>" for k in kinds)
    scale = (
        "" if report.seconds else "<span>by bytes moved: the program was not run</span>"
    )
    return f"<div class=bar>{''.join(parts)}</div><div class=key>{key}{scale}</div>"


_KINDS = {
    "kernel": "our kernels", "library": "library routines", "host": "NumPy",
    "loop": "loops", "branch": "branches",
}  # fmt: skip


def _table(report: Any) -> str:
    rows = []
    for s in report.steps:
        share = spent = ""
        if s.seconds is not None:
            spent = text.duration(s.seconds)
        if s.share is not None:
            width = min(s.share, 1.0)
            share = (
                f"<span class=meter><i style='width:{width:.0%}'></i></span>"
                f"{s.share:.0%} {s.bound}"
            )
        flops = "" if s.cost.flops is None else text.count(s.cost.flops)
        cells = (text.amount(s.cost.read), text.amount(s.cost.written), flops, spent)
        numbers = "".join(f"<td class=number>{c}</td>" for c in cells)
        rows.append(
            f"<tr><td><a href='#step{s.number}'>{s.number}</a></td>"
            f"<td class=what>{html.escape(s.what)}</td>{numbers}<td>{share}</td></tr>"
        )
    heads = ("read", "written", "flop", "time")
    head = "".join(f"<th class=number>{h}</th>" for h in heads)
    return (
        f"<div class=wide><table class=steps><tr><th></th><th>computes</th>{head}"
        f"<th>of the peak</th></tr>{''.join(rows)}</table></div>"
    )


def _section(step: Any) -> str:
    lines = "".join(
        f"<li><code>{html.escape(place)}</code>: {html.escape(names)}</li>"
        for place, names in text.lines_of(step.parts)
    )
    remark = f"<p>{html.escape(step.remark)}.</p>" if step.remark else ""
    wrote = f"{', '.join(step.reads) or 'nothing'} → {', '.join(step.writes)}"
    return (
        f"<section id=step{step.number}><h3>{html.escape(text.heading(step))}</h3>"
        f"<p><code>{html.escape(wrote)}</code></p>{remark}<ul>{lines}</ul>"
        f"{_folded('loops', step.loops)}{_folded('LLVM', step.llvm)}</section>"
    )


def _folded(title: str, content: str) -> str:
    if not content:
        return ""
    return (
        f"<details><summary>{title}</summary>"
        f"<pre>{html.escape(content)}</pre></details>"
    )
