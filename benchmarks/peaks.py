"""The machine's own limits: how fast it copies, and how fast it multiplies and adds.

`Peaks` holds the bandwidth of a copy (bytes read and written per second, warm pages, one
thread or all, NumPy's or one whose stores go past the caches, whichever is fastest) by the
number of bytes that it moves, and the rate of fused multiply-adds that depend on nothing, counted as two operations each.
`python -m benchmarks.peaks` prints them; a table measures them before and after its
rows, in a process of its own, and keeps the better.
"""

import concurrent.futures
import ctypes
import dataclasses
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable

import llvmlite.binding as llvm
import numpy

FOOTPRINTS = tuple(1 << power for power in range(18, 29, 2))
ENGINES: list[object] = []
CHAINS = 12
"""Independent sums of the multiply-add loop: latency times units, and some more."""


@dataclasses.dataclass(frozen=True, slots=True)
class Peaks:
    """Bytes per second by footprint; operations per second of all threads together."""

    copy: dict[str, float]
    fma32: float
    fma64: float

    def bandwidth(self, traffic: int) -> float:
        """The bandwidth of the copy whose traffic is nearest, as a ratio."""
        near = min(self.copy, key=lambda bytes: abs(math.log(int(bytes) / traffic)))
        return self.copy[near]

    def better(self, other: "Peaks") -> "Peaks":
        """The better of two measurements, one by one."""
        copy = {size: max(rate, other.copy[size]) for size, rate in self.copy.items()}
        return Peaks(copy, max(self.fma32, other.fma32), max(self.fma64, other.fma64))


def best_of(repetitions: int, run: Callable[[], object]) -> float:
    """Seconds of the fastest of some runs."""
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


COPY_PAST_CACHES = """
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)
define void @copy(ptr noalias %out, ptr noalias %in, i64 %bytes) {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %j, %loop ]
  %p = getelementptr i8, ptr %in, i64 %i
  %q = getelementptr i8, ptr %out, i64 %i
  %far = getelementptr i8, ptr %p, i64 4096
  call void @llvm.prefetch.p0(ptr %far, i32 0, i32 3, i32 1)
  %x = load <16 x i32>, ptr %p, align 64
  store <16 x i32> %x, ptr %q, align 64, !nontemporal !0
  %j = add i64 %i, 64
  %more = icmp slt i64 %j, %bytes
  br i1 %more, label %loop, label %end
end:
  fence seq_cst
  ret void
}
!0 = !{i32 1}
"""


def lines(size: int) -> numpy.ndarray:
    """So many bytes as lines of the caches, a row each."""
    whole = numpy.ones(size + 64, numpy.uint8)
    start = -whole.ctypes.data % 64
    return whole[start : start + size].reshape(-1, 64)


def copy_bandwidth(
    traffic: int, pool: concurrent.futures.Executor, past_caches: Callable[..., None]
) -> float:
    """Bytes per second that a copy of `traffic / 2` bytes reads and writes."""
    source, target = lines(traffic // 2), lines(traffic // 2)
    threads = len(os.sched_getaffinity(0))
    parts = list(
        zip(numpy.array_split(target, threads), numpy.array_split(source, threads))
    )
    count = max(1, (1 << 26) // traffic)

    def alone() -> None:
        for _ in range(count):
            numpy.copyto(target, source)

    def together() -> None:
        def copy(part: tuple[numpy.ndarray, numpy.ndarray]) -> None:
            for _ in range(count):
                numpy.copyto(*part)

        list(pool.map(copy, parts))

    def past() -> None:
        def copy(part: tuple[numpy.ndarray, numpy.ndarray]) -> None:
            to, of = part
            for _ in range(count):
                past_caches(to.ctypes.data, of.ctypes.data, to.nbytes)

        list(pool.map(copy, parts))

    return count * traffic / min(best_of(7, way) for way in (alone, together, past))


def multiply_add_text(kind: str, lanes: int) -> str:
    """LLVM text of `sum(count)`: `CHAINS` sums of products, by vectors of `lanes`."""
    vector = f"<{lanes} x {kind}>"
    suffix = f"v{lanes}{'f32' if kind == 'float' else 'f64'}"
    chains = range(CHAINS)
    phis = "\n".join(
        f"  %a{i} = phi {vector} [ zeroinitializer, %entry ], [ %b{i}, %loop ]"
        for i in chains
    )
    steps = "\n".join(
        f"  %b{i} = call {vector} @llvm.fma.{suffix}"
        f"({vector} %a{i}, {vector} %x, {vector} %y)"
        for i in chains
    )
    stores = "\n".join(
        f"  %p{i} = getelementptr {vector}, ptr %out, i64 {i}\n"
        f"  store {vector} %b{i}, ptr %p{i}, align 4"
        for i in chains
    )
    return f"""
declare {vector} @llvm.fma.{suffix}({vector}, {vector}, {vector})
define void @sum(ptr %out, ptr %in, i64 %count) "prefer-vector-width"="512" {{
entry:
  %x = load {vector}, ptr %in, align 4
  %q = getelementptr {vector}, ptr %in, i64 1
  %y = load {vector}, ptr %q, align 4
  br label %loop
loop:
  %n = phi i64 [ 0, %entry ], [ %m, %loop ]
{phis}
{steps}
  %m = add i64 %n, 1
  %done = icmp eq i64 %m, %count
  br i1 %done, label %end, label %loop
end:
{stores}
  ret void
}}
"""


def target_machine() -> llvm.TargetMachine:
    """This processor with all that it can do."""
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
    )


def compiled(text: str, name: str) -> Callable[..., None]:
    """The function of two pointers and a number; its machine code stays."""
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(text), target_machine())
    engine.finalize_object()
    ENGINES.append(engine)
    signature = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
    return signature(engine.get_function_address(name))


def multiply_add_peak(kind: str, pool: concurrent.futures.Executor) -> float:
    """Operations per second of all threads, two for each multiply-add."""
    size = 4 if kind == "float" else 8
    lanes = (64 if llvm.get_host_cpu_features().get("avx512f") else 32) // size
    call = compiled(multiply_add_text(kind, lanes), "sum")
    count, threads = 1_000_000, len(os.sched_getaffinity(0))
    buffers = [numpy.full(64 * (CHAINS + 2), 0, numpy.uint8) for _ in range(threads)]
    operand = numpy.full(128, 0, numpy.uint8)

    def run() -> None:
        list(
            pool.map(
                lambda out: call(out.ctypes.data, operand.ctypes.data, count), buffers
            )
        )

    return 2 * lanes * CHAINS * count * threads / best_of(9, run)


def measure() -> Peaks:
    """Measure, in this process."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        past = compiled(COPY_PAST_CACHES, "copy")
        copy = {str(size): copy_bandwidth(size, pool, past) for size in FOOTPRINTS}
        rates = [multiply_add_peak(kind, pool) for kind in ("float", "double")]
    return Peaks(copy, *rates)


def measure_peaks_apart() -> Peaks:
    """Measure in a process of its own, which leaves nothing behind."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peaks"],
        capture_output=True,
        text=True,
        check=True,
    )
    return Peaks(**json.loads(done.stdout))


if __name__ == "__main__":
    print(json.dumps(dataclasses.asdict(measure())))
