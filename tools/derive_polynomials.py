"""Derives the coefficients of chainrule.compiler.mathematics and writes them there.

    python tools/derive_polynomials.py            # prints every table and its error
    python tools/derive_polynomials.py EXP SIN    # those whose names begin so
    python tools/derive_polynomials.py --write    # replaces `NAME = (...)` in the modules

A table is the best polynomial for its weighted error (tools/minimax.py) with
coefficients rounded to the machine's format. Needs mpmath (and gmpy2, to be quick).
"""

import argparse
import pathlib
import re
import sys

import mpmath as mp

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import derivations
from minimax import grid, quotient, rounded, to_format

PACKAGE = pathlib.Path(__file__).parent.parent / "src/chainrule/compiler/mathematics"


def literal(value, form):
    if form == "pair":
        high = float(value)
        return f"({high!r}, {float(value - mp.mpf(high))!r})"
    return repr(float(to_format(value, form)))


def table(name, fit):
    points = [p for p in grid(fit.low, fit.high, 16 * (len(fit.formats) + 2)) if p != 0]
    values = [fit.function(p) for p in points]
    weights = [fit.weight(p) for p in points]
    coefficients, error = rounded(points, values, weights, fit.formats)
    size = mp.nstr(mp.log(error, 2), 4)
    lines = [f"# {fit.what}: error {fit.kind} 2^{size}", f"{name} = ("]
    lines += [
        f"    {literal(c, f)}," for c, f in zip(coefficients, fit.formats, strict=True)
    ]
    return "\n".join([*lines, ")"]) + "\n"


def form_of(name):
    return "f32" if name.endswith("_F32") else "f64"


def plain(name, comment, values):
    lines = [
        hex(v) if isinstance(v, int) else literal(v, form_of(name)) for v in values
    ]
    return (
        "\n".join([f"# {comment}", f"{name} = (", *[f"    {v}," for v in lines], ")"])
        + "\n"
    )


def half(name, made):
    """The table of one of the polynomials of a quotient."""
    upper, lower, error = quotient(made.function, made.high, made.degree)
    top = name.endswith("_TOP")
    what = f"{made.what}, {'above' if top else 'below'}"
    comment = f"{what}: error relative 2^{mp.nstr(mp.log(error, 2), 4)}"
    return plain(name, comment, upper if top else lower)


def everything():
    """Name -> what makes the text of its table."""
    out = {n: lambda n=n, f=f: table(n, f) for n, f in derivations.FITS.items()}
    for n, q in derivations.QUOTIENTS.items():
        for m in (f"{n}_TOP", f"{n}_BOTTOM"):
            out[m] = lambda m=m, q=q: half(m, q)
    for n, (comment, values) in derivations.constants().items():
        out[n] = lambda n=n, c=comment, v=values: plain(n, c, v)
    return out


def write(name, text):
    """Replaces the table in the module that has one of that name."""
    table = rf"(?:^# [^\n]*\n)?^{name} = \((?:\)|\n.*?^\))\n"
    pattern = re.compile(table, re.MULTILINE | re.DOTALL)
    for path in sorted(PACKAGE.glob("*.py")):
        source = path.read_text()
        if pattern.search(source):
            path.write_text(pattern.sub(lambda _: text, source, count=1))
            return path.name
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    for name, make in everything().items():
        if options.names and not name.startswith(tuple(options.names)):
            continue
        text = make()
        print(text, flush=True)
        if options.write:
            print("# ->", write(name, text) or "no module has it", flush=True)


if __name__ == "__main__":
    main()
