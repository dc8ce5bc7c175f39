"""The loader of machine code: what it links, what it refuses, and damaged files."""

import ctypes
import gc
import platform
import random
import struct

import ml_dtypes
import numpy as np
import pytest
from machine_code import compile_object

from chainrule.runtime import _native as native

AARCH64 = "aarch64-unknown-linux-gnu"
X86_64 = "x86_64-unknown-linux-gnu"

ADD = "define i64 @add(i64 %a, i64 %b) { %c = add i64 %a, %b\n ret i64 %c }"

MANY = """
@table = private unnamed_addr constant [4 x double] [double 1.5, double 2.5, double 3.5,
    double 4.5]
@counter = global i64 40
@state = internal global [256 x i64] zeroinitializer
@where = global ptr @table
@remainder = global ptr @fmod
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
declare double @fmod(double, double)
declare float @tgammaf(float)

define double @lookup(i64 %i) {
  %p = getelementptr [4 x double], ptr @table, i64 0, i64 %i
  %v = load double, ptr %p
  ret double %v
}
define double @indirect(i64 %i) {
  %t = load ptr, ptr @where
  %p = getelementptr double, ptr %t, i64 %i
  %v = load double, ptr %p
  ret double %v
}
define i64 @count() {
  %v = load i64, ptr @counter
  %w = add i64 %v, 1
  store i64 %w, ptr @counter
  %i = and i64 %v, 255
  %p = getelementptr [256 x i64], ptr @state, i64 0, i64 %i
  %old = load i64, ptr %p
  store i64 %w, ptr %p
  %sum = add i64 %w, %old
  ret i64 %sum
}
define void @fill(ptr %p, i8 %b, i64 %n) {
  call void @llvm.memset.p0.i64(ptr %p, i8 %b, i64 %n, i1 false)
  ret void
}
define double @modulo(double %x, double %y) {
  %r = call double @fmod(double %x, double %y)
  ret double %r
}
define float @factorial(float %x) {
  %y = fadd float %x, 1.0
  %r = call float @tgammaf(float %y)
  %s = fadd float %r, 0.0
  ret float %s
}
define double @chained(i64 %i) noinline {
  %a = call double @lookup(i64 %i)
  %b = call double @modulo(double %a, double 1.0)
  ret double %b
}
define double @through_pointer(double %x) {
  %f = load ptr, ptr @remainder
  %r = call double %f(double %x, double 3.0)
  ret double %r
}
define ptr @address_of_fmod() { ret ptr @fmod }
define i128 @quotient(i128 %a, i128 %b) { %q = udiv i128 %a, %b\n ret i128 %q }
"""


def function(code, name, result, *arguments):
    return ctypes.CFUNCTYPE(result, *arguments)(code.address(name))


def test_a_function_runs():
    code = native.load_object(compile_object(ADD))
    assert code.names == ["add"]
    add = function(code, "add", ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
    assert add(40, 2) == 42


@pytest.mark.parametrize("level", [0, 2])
def test_constants_data_and_calls_are_linked(level):
    code = native.load_object(compile_object(MANY, level=level))
    number, real = ctypes.c_int64, ctypes.c_double
    lookup = function(code, "lookup", real, number)
    indirect = function(code, "indirect", real, number)
    assert [lookup(i) for i in range(4)] == [1.5, 2.5, 3.5, 4.5]
    assert [indirect(i) for i in range(4)] == [1.5, 2.5, 3.5, 4.5]
    count = function(code, "count", number)
    assert [count() for _ in range(257)][-1] == 297 + 41
    assert function(code, "modulo", real, real, real)(7.5, 2.0) == 1.5
    assert function(code, "factorial", ctypes.c_float, ctypes.c_float)(4.0) == 24
    assert function(code, "through_pointer", real, real)(7.0) == 1.0
    assert function(code, "chained", real, number)(2) == 0.5
    fmod = ctypes.CFUNCTYPE(real, real, real)(
        function(code, "address_of_fmod", ctypes.c_void_p)()
    )
    assert fmod(-7.5, 2.0) == -1.5


def test_memory_functions_are_called():
    code = native.load_object(compile_object(MANY))
    fill = function(code, "fill", None, ctypes.c_void_p, ctypes.c_int8, ctypes.c_int64)
    buffer = ctypes.create_string_buffer(5000)
    fill(ctypes.addressof(buffer), 7, 4999)
    assert buffer.raw == b"\7" * 4999 + b"\0"


def test_vector_constants_are_aligned():
    lanes = ", ".join(f"float {i}.0" for i in range(1, 17))
    text = f"""
    define void @k(ptr %out, ptr %x) {{
      %v = load <16 x float>, ptr %x, align 4
      %r = fmul <16 x float> %v, <{lanes}>
      store <16 x float> %r, ptr %out, align 4
      ret void
    }}"""
    code = native.load_object(compile_object(text))
    floats = ctypes.c_float * 16
    x, out = floats(*[2.0] * 16), floats()
    function(code, "k", None, ctypes.c_void_p, ctypes.c_void_p)(
        ctypes.addressof(out), ctypes.addressof(x)
    )
    assert list(out) == [2.0 * i for i in range(1, 17)]


NARROW = """
define void @k(ptr %out, ptr %x, i64 %i) {
  %px = getelementptr double, ptr %x, i64 %i
  %v = load double, ptr %px
  %f = fptrunc double %v to float
  %p0 = getelementptr [5 x i16], ptr %out, i64 %i
  %p1 = getelementptr i16, ptr %p0, i64 1
  %p2 = getelementptr i16, ptr %p0, i64 2
  %p3 = getelementptr i16, ptr %p0, i64 3
  %b = fptrunc double %v to bfloat
  store bfloat %b, ptr %p0
  %c = fptrunc float %f to bfloat
  store bfloat %c, ptr %p1
  %h = fptrunc double %v to half
  store half %h, ptr %p2
  %g = fptrunc float %f to half
  store volatile half %g, ptr %p3
  %l = load volatile half, ptr %p3
  %w = fpext half %l to double
  store double %w, ptr %px
  ret void
}"""


def test_conversions_of_narrow_floats():
    """By the functions that code for processors without instructions for them calls."""
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [
            rng.standard_normal(1000) * 10.0 ** rng.integers(-45, 39, 1000),
            rng.standard_normal(1000),
            [0.0, -0.0, np.inf, -np.inf, np.nan, 1e300, -65520.0, 1e-45, 5e-324],
            1 + 2.0**-8 + np.array([0.0, 2.0**-40, -(2.0**-40)]),  # ties of bfloat16
            1 + 2.0**-11 + np.array([0.0, 2.0**-40, -(2.0**-40)]),  # and of half
        ]
    )
    with np.errstate(over="ignore"):
        single, half = x.astype(np.float32), x.astype(np.float16)
    code = native.load_object(compile_object(NARROW, cpu="generic"))
    convert = function(code, "k", None, *[ctypes.c_void_p] * 2, ctypes.c_int64)
    out, back = np.zeros((len(x), 5), np.uint16), x.copy()
    for i in range(len(x)):
        convert(out.ctypes.data, back.ctypes.data, i)
    bfloats, halves = out[:, :2].view(ml_dtypes.bfloat16), out[:, 2:4].view(np.float16)
    expected = single.astype(ml_dtypes.bfloat16).astype(float)
    np.testing.assert_array_equal(bfloats[:, 1].astype(float), expected)
    np.testing.assert_array_equal(halves[:, 0], half)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(halves[:, 1], single.astype(np.float16))
    np.testing.assert_array_equal(back, halves[:, 1].astype(float))
    exact = [nearest_bfloat16(v) for v in x]
    np.testing.assert_array_equal(bfloats[:, 0].astype(float), exact)


def nearest_bfloat16(x):
    """The nearest bfloat16 of a double, ties to even, by exact arithmetic."""
    if not np.isfinite(x) or x == 0:
        return x
    unit = 2.0 ** (max(np.frexp(x)[1] - 1, -126) - 7)
    rounded = float(np.rint(x / unit)) * unit
    return rounded if abs(rounded) < 2.0**128 else np.copysign(np.inf, x)


def test_a_second_load_has_its_own_data():
    counts = []
    for _ in range(2):
        code = native.load_object(compile_object(MANY))
        counts.append(function(code, "count", ctypes.c_int64)())
        counts.append(function(code, "count", ctypes.c_int64)())
    assert counts == [41, 42, 41, 42]


def mapped_pages():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0])


def test_memory_is_given_back():
    data = compile_object(MANY)
    for _ in range(10):
        native.load_object(data)
    gc.collect()
    before = mapped_pages()
    for _ in range(1000):
        native.load_object(data)
    assert mapped_pages() - before < 1000


def test_code_is_not_writable():
    code = native.load_object(compile_object(ADD))
    with open("/proc/self/maps") as file:
        for line in file:
            low, high = (int(x, 16) for x in line.split()[0].split("-"))
            if low <= code.address("add") < high:
                assert line.split()[1].startswith("r-x")
                return
    raise AssertionError("the code is in no mapping")


def test_an_unknown_name():
    code = native.load_object(compile_object(ADD))
    with pytest.raises(ValueError) as raised:
        code.address("sub")
    assert str(raised.value) == (
        "load_object: there is no symbol 'sub' in the object; it has add."
    )


def test_functions_of_the_process_are_not_found():
    text = "declare void @exit(i32)\ndefine void @k() { call void @exit(i32 1)\n ret void }"
    with pytest.raises(ValueError) as raised:
        native.load_object(compile_object(text))
    assert str(raised.value) == (
        "load_object: the object needs the symbol 'exit', which the runtime does not "
        "offer; let the compiler generate it."
    )


def test_an_object_for_another_machine_is_not_run():
    other = AARCH64 if platform.machine() == "x86_64" else X86_64
    with pytest.raises(ValueError, match="compile for this processor"):
        native.load_object(compile_object(MANY, other))
    assert native.load_object(compile_object(MANY, other), execute=False).nbytes > 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the header: bytes 0 to \\+64 of a file of 0"),
        (b"\0" * 100, "no ELF file"),
        (compile_object(ADD)[:200], "damaged or cut off"),
        (compile_object(ADD)[:-70], "damaged or cut off"),
    ],
)
def test_what_is_no_object_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        native.load_object(data)


@pytest.mark.parametrize("triple", [X86_64, AARCH64])
@pytest.mark.parametrize("level", [0, 2])
def test_damaged_objects_raise_or_load(triple, level):
    good = compile_object(MANY, triple, level)
    rng = random.Random(level)
    refused = 0
    for _ in range(4000):
        data = bytearray(good)
        for _ in range(rng.choice([1, 1, 2, 8])):
            data[rng.randrange(len(data))] = rng.choice([0, 1, 255, rng.randrange(256)])
        if rng.random() < 0.1:
            del data[rng.randrange(len(data)) :]
        try:
            native.load_object(bytes(data), execute=False)
        except ValueError as error:
            assert str(error).startswith("load_object: ")
            refused += 1
    assert 400 < refused < 4000


def test_damaged_headers_raise_or_load():
    """Every 8-byte field of the section headers, with the values that overflow."""
    good = compile_object(MANY)
    start = struct.unpack_from("<Q", good, 0x28)[0]
    for offset in range(start, len(good) - 7, 8):
        for value in (0, 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1, 2**64 - 8):
            data = bytearray(good)
            struct.pack_into("<Q", data, offset, value)
            try:
                native.load_object(bytes(data), execute=False)
            except ValueError as error:
                assert str(error).startswith("load_object: ")


def test_aarch64_addresses_are_linked():
    """adrp and the low 12 bits that follow it name the constant's address."""
    text = """
    @pair = private constant [2 x double] [double 1.25, double 2.5], align 16
    define ptr @where() { ret ptr @pair }
    define double @second() {
      %v = load volatile double, ptr getelementptr (i8, ptr @pair, i64 8)
      ret double %v
    }
    """
    code = native.load_object(compile_object(text, AARCH64), execute=False)
    image = code.image
    expected = code.base + image.index(struct.pack("<dd", 1.25, 2.5))

    def words(name, count):
        return struct.unpack_from(f"<{count}I", image, code.address(name) - code.base)

    def page(word, place):
        assert word & 0x9F000000 == 0x90000000  # adrp
        immediate = (word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3
        immediate -= (immediate >> 20) << 21
        return (place & ~0xFFF) + (immediate << 12)

    adrp, add = words("where", 2)
    assert add & 0xFFC00000 == 0x91000000  # add, immediate
    where = page(adrp, code.address("where")) + (add >> 10 & 0xFFF)
    assert where == expected
    adrp, load = words("second", 2)
    assert load & 0xFFC00000 == 0xFD400000  # ldr of a double
    where = page(adrp, code.address("second")) + 8 * (load >> 10 & 0xFFF)
    assert where == expected + 8


def test_aarch64_calls_reach_the_library():
    text = """
    declare double @fmod(double, double)
    define double @k(double %x) {
      %r = call double @fmod(double %x, double 2.0)
      ret double %r
    }
    """
    code = native.load_object(compile_object(text, AARCH64), execute=False)
    place = code.address("k") - code.base
    instruction = 0
    while instruction >> 26 not in (0b000101, 0b100101):  # b, bl
        (instruction,) = struct.unpack_from("<I", code.image, place)
        place += 4
    distance = (instruction & 0x3FFFFFF) - (instruction >> 25 & 1) * 2**26
    stub = place - 4 + 4 * distance
    load, branch = struct.unpack_from("<II", code.image, stub)
    assert (load, branch) == (0x58FFFFD0, 0xD61F0200)  # ldr x16, #-8; br x16
    (address,) = struct.unpack_from("<Q", code.image, stub - 8)
    real = ctypes.c_double
    assert ctypes.CFUNCTYPE(real, real, real)(address)(5.5, 2.0) == 1.5
