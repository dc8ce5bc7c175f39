"""The machine's own limits: how fast it copies, and how fast it multiplies and adds.

`Peaks` holds the bandwidth of a copy (bytes read and written per second, warm pages,
one thread or all, whichever is faster) by the number of bytes that it moves, and the
rate of fused multiply-adds that depend on nothing, counted as two operations each.
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


def copy_bandwidth(traffic: int, pool: concurrent.futures.Executor) -> float:
    """Bytes per second that a copy of `traffic / 2` bytes reads and writes."""
    source = numpy.ones(traffic // 2, numpy.uint8)
    target = numpy.zeros_like(source)
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

    return count * traffic / min(best_of(7, alone), best_of(7, together))


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


def multiply_add_peak(kind: str, pool: concurrent.futures.Executor) -> float:
    """Operations per second of all threads, two for each multiply-add."""
    size = 4 if kind == "float" else 8
    lanes = (64 if llvm.get_host_cpu_features().get("avx512f") else 32) // size
    module = llvm.parse_assembly(multiply_add_text(kind, lanes))
    engine = llvm.create_mcjit_compiler(module, target_machine())
    engine.finalize_object()
    signature = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
    call = signature(engine.get_function_address("sum"))
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
        copy = {str(size): copy_bandwidth(size, pool) for size in FOOTPRINTS}
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
