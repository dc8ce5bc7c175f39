"""What the compiler tells about a program: passes, costs, lines, the page, the command."""

from __future__ import annotations

import html.parser
import inspect
import re

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.compiler import __main__ as command
from chainrule.compiler.costs import Cost
from chainrule.compiler.peaks import Peaks
from chainrule.compiler.report import STAGES, report, share_of_peak
from tests.properties.cases import CASES


def struct(*shape):
    return cr.ShapeDtypeStruct(shape, "float32")


def affine(x, w, b):
    return cnp.tanh(x @ w + b)


# --- what a kernel computes, and from which lines -------------------------------------


def test_kernels_name_the_primitives_and_lines_they_fuse():
    def f(x):
        y = cnp.exp(x)
        return cnp.sum(y * x, axis=1)

    made = cr.explain(f)(struct(8, 16))
    (step,) = made.steps
    first = inspect.getsourcelines(f)[1]
    assert step.kind == "kernel" and step.what == "exp mul reduce_sum"
    assert [(p.primitive, p.line, p.function) for p in step.parts] == [
        ("exp", first + 1, "f"),
        ("mul", first + 2, "f"),
        ("reduce_sum", first + 2, "f"),
    ]
    assert {p.file for p in step.parts} == {__file__}
    assert (step.reads, step.writes) == (["a:f32[8,16]"], ["d:f32[8]"])


def test_lines_of_inner_jitted_functions_are_found():
    inner = cr.jit(lambda x: cnp.sin(x) * 2)
    made = cr.explain(lambda x: inner(x) + 1)(struct(8))
    assert [p.primitive for p in made.steps[0].parts] == ["sin", "fma"]


def test_buffers_have_the_names_of_the_printed_program():
    made = cr.explain(lambda x: cnp.sum(x * 2))(struct(8))
    assert "c:f32[] = reduce_sum[axes=(0,)] b" in made.show("simplified")
    assert made.steps[0].loops == (
        "for i in range(1):\n"
        "    s0 = 0.0\n"
        "    for j in range(8):  # vectors\n"
        "        s0 = s0 + a[j] * 2.0\n"
        "    c[0] = s0"
    )


def test_what_runs_in_numpy_says_why():
    given = cr.ShapeDtypeStruct((4,), "float8_e4m3fn")
    made = cr.explain(lambda x: cnp.sort(x))(given)
    (step, *_) = made.steps
    assert (step.kind, step.what) == ("host", "sort")
    assert f"runs in NumPy: {step.reason}" in made.show("plan")
    assert "float8_e4m3fn" in step.reason


# --- costs ----------------------------------------------------------------------------


def cost(f, *args):
    found = cr.explain(f)(*args).cost_analysis()
    return found["flops"], found["bytes read"], found["bytes written"]


def test_elementwise_costs():
    assert cost(lambda x: x * 2 + 1, struct(10, 10)) == (200, 400, 400)


def test_an_operand_that_is_read_often_counts_once():
    assert cost(lambda x, b: x + b, struct(64, 32), struct(32)) == (
        64 * 32,
        4 * (64 * 32 + 32),
        4 * 64 * 32,
    )


def test_only_what_is_loaded_counts():
    assert cost(lambda x: x[::4] + 1, struct(64)) == (16, 64, 64)


def test_products_count_a_multiplication_and_an_addition():
    flops, read, written = cost(lambda x, w: x @ w, struct(16, 24), struct(24, 32))
    assert flops == 2 * 16 * 24 * 32
    assert (read, written) == (4 * (16 * 24 + 24 * 32), 4 * 16 * 32)


def test_library_products_count_alike():
    made = cr.explain(lambda x, w: x @ w)(struct(512, 256), struct(256, 512))
    assert [s.kind for s in made.steps] == ["library"]
    assert made.cost_analysis()["flops"] == 2 * 512 * 256 * 512


def test_values_outside_of_the_inner_loop_are_computed_once_a_row():
    def f(x, b):
        return cnp.sum(x, axis=1) * (b / 3)

    flops = cost(f, struct(32, 64), struct(32))[0]
    assert flops == 32 * 64 + 2 * 32


def test_sums_in_chunks_cost_what_sums_cost():
    n = 1 << 18
    flops, read, _ = cost(cnp.sum, struct(n))
    assert n <= flops <= n + 1000 and 4 * n <= read <= 4 * n + 1000


def test_the_share_of_the_peak_is_that_of_what_bounds():
    peaks = Peaks(((1 << 10, 100.0), (1 << 20, 10.0)), 1000.0, 500.0)
    assert share_of_peak(Cost(0, 20, 30), 1.0, peaks) == (0.5, "memory")
    assert share_of_peak(Cost(0, 2000, 3000), 1000.0, peaks) == (0.5, "memory")
    assert share_of_peak(Cost(400, 1, 1), 1.0, peaks) == (0.4, "arithmetic")
    assert share_of_peak(Cost(400, 1, 1, True), 1.0, peaks) == (0.8, "arithmetic")


# --- runs -----------------------------------------------------------------------------


def test_a_program_with_arrays_is_timed():
    made = cr.explain(affine)(cnp.ones((4, 4)), cnp.ones((4, 4)), cnp.ones(4))
    assert made.seconds == pytest.approx(sum(s.seconds for s in made.steps))
    assert all(s.seconds > 0 and s.share > 0 for s in made.steps)
    rates = [b for _, b in made.peaks.copies]
    assert min(*rates, made.peaks.flops, made.peaks.double_flops) > 1e6
    assert "GFLOP/s" in str(made)


def test_a_program_of_types_is_not_run():
    made = cr.explain(affine)(struct(4, 4), struct(4, 4), struct(4))
    assert made.seconds is None and made.peaks is None
    assert [s.seconds for s in made.steps] == [None] * len(made.steps)


def test_the_plan_reported_is_the_one_that_runs():
    def f(x):
        return cnp.cumsum(cnp.sin(x)), x.T @ x

    x = cnp.array(np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4))
    made = report(cr.make_jaxpr(f)(x))
    for got, wanted in zip(made.plan(x), cr.jit(f)(x), strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_static_arguments_and_keywords():
    def f(x, n, *, scale):
        return x * n + scale

    made = cr.explain(f, static_argnums=1)(cnp.ones(4), 3, scale=2.0)
    assert [s.what for s in made.steps] == ["fma"] and made.seconds > 0


def test_functions_that_close_over_tracers_are_refused():
    with pytest.raises(TypeError, match="closes over 1 traced value"):
        cr.grad(lambda x: cr.explain(lambda y: x * y)(2.0))(1.0)


# --- passes ---------------------------------------------------------------------------


def test_every_stage_can_be_shown():
    made = cr.explain(affine)(struct(4, 4), struct(4, 4), struct(4))
    assert list(made.passes) == [p for p in STAGES if p != "asm"]
    assert made.show("jaxpr") == str(made.program)
    assert "fold" in made.show("clusters") and "for i in" in made.show("loops")
    assert "define void @" in made.show("llvm")
    assert "ret" in made.show("asm") and "1 kernel;" in made.show("plan")
    whole = str(made)
    found = re.findall(r"^== (\w+)$", whole, re.M)
    assert found == [
        "jaxpr",
        "simplified",
        "clusters",
        "loops",
        "llvm",
        "plan",
        "passes",
    ]


def test_unknown_stages_are_refused():
    made = cr.explain(lambda x: x + 1)(struct(4))
    with pytest.raises(ValueError) as caught:
        made.show("hlo")
    assert str(caught.value) == (
        "show: there is no stage 'hlo'; use one of jaxpr, simplified, clusters, loops,"
        " llvm, asm, plan."
    )


def test_compiled_functions_tell_their_costs():
    compiled = cr.jit(lambda x: cnp.sum(x * 2 + 1)).lower(struct(64, 64)).compile()
    assert compiled.cost_analysis()["flops"] == 3 * 64 * 64
    stats = compiled.memory_analysis()
    assert (stats.argument_size_in_bytes, stats.output_size_in_bytes) == (1 << 14, 4)
    assert stats.temp_size_in_bytes == 0 and stats.generated_code_size_in_bytes > 0
    assert "reduce_sum" in compiled.as_text() and "for i in" in compiled.as_text()
    assert float(compiled(cnp.ones((64, 64)))) == 3 * 64 * 64


def test_donated_arguments_are_counted():
    compiled = cr.jit(lambda x: x + 1, donate_argnums=0).lower(struct(64)).compile()
    assert compiled.memory_analysis().alias_size_in_bytes == 256


def test_every_primitive_can_be_explained():
    """Whatever a step computes has equations, costs and names."""
    first = {c.sample.primitive: c for c in reversed(CASES)}
    for case in first.values():
        with case.precision():
            made = report(cr.make_jaxpr(case)(*case.operands()), name=case.name)
        assert "?" not in made.show("loops"), case.name
        Page(made.html())
        for step in made.steps:
            assert step.parts, (case.name, step.what)
            assert step.kind == "host" or step.cost.written > 0, case.name
            assert step.cost.flops is None or step.kind != "host", case.name


# --- the page -------------------------------------------------------------------------


class Page(html.parser.HTMLParser):
    """Checks that tags are closed, and collects attributes and text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.attributes, self.text = [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("run", [False, True])
def test_the_page_is_whole_in_itself(run, tmp_path):
    args = (cnp.ones((4, 4)),) if run else (struct(4, 4),)
    made = cr.explain(lambda x: cnp.where(x < 2, cnp.linalg.det(x @ x), x))(*args)
    made.save(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    page = Page(text)
    assert not page.open and "<lambda>" in page.text
    assert {"src", "onclick"}.isdisjoint(k for k, _ in page.attributes)
    assert "<script" not in text and "http" not in text and "@import" not in text
    ids = [v for k, v in page.attributes if k == "id"]
    assert ids == [f"step{s.number}" for s in made.steps]
    links = [v for k, v in page.attributes if k == "href"]
    assert set(links) == {f"#{i}" for i in ids}
    for step in made.steps:
        assert step.loops in page.text and step.llvm in page.text


# --- the command ----------------------------------------------------------------------

FILE = """
import chainrule.numpy as cnp

def scaled(x, y):
    return cnp.sum(x * y)

example_args = cnp.ones(8), 2.0
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "example.py"
    path.write_text(FILE)
    return path


def test_the_command_shows_stages_of_a_function(file, capsys):
    assert command.main([str(file), "f32[8]", "f32[]", "--passes=jaxpr,plan"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("== jaxpr\n{ lambda ; a:f32[8] b:f32[]. let")
    assert (
        re.search(r"example.py:5 \(scaled\):\s+mul, reduce_sum", out)
        and " us" not in out
    )


def test_the_command_runs_a_function_on_the_example(file, capsys, tmp_path):
    page = tmp_path / "page.html"
    assert command.main([f"{file}:scaled", "--passes=plan", f"--html={page}"]) == 0
    assert "of the time)" in capsys.readouterr().out
    assert "scaled: compiled" in page.read_text()


@pytest.mark.parametrize(
    ("text", "argv", "message"),
    [
        (FILE, [":other"], "compiler: {0} has no function 'other'; it has scaled."),
        ("", [""], "compiler: {0} has 0 functions; name one as {0}:FUNCTION."),
        (
            "def f(x): pass\ndef g(x): pass",
            [""],
            "compiler: {0} has 2 functions: f, g; name one as {0}:FUNCTION.",
        ),
        (
            "def f(x): return x",
            [""],
            "compiler: the arguments of f are not known; give their types, like"
            " f32[16,16], or a tuple `example_args` in the file.",
        ),
        (
            FILE,
            ["", "f32"],
            "type: 'f32' is no type; write it like f32[16,16], i32[] or bool[4].",
        ),
    ],
)
def test_the_command_says_what_is_wrong(text, argv, message, tmp_path, capsys):
    path = tmp_path / "f.py"
    path.write_text(text)
    assert command.main([f"{path}{argv[0]}", *argv[1:]]) == 2
    assert capsys.readouterr().err == message.format(path) + "\n"


def test_the_command_refuses_unknown_stages(file, capsys):
    with pytest.raises(SystemExit):
        command.main([str(file), "--passes=hlo,plan"])
    assert capsys.readouterr().err.endswith(
        "error: no stage hlo; there are jaxpr, simplified, clusters, loops, llvm, asm, plan\n"
    )
