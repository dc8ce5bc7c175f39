"""Runs tests with GCC's sanitizers built into the runtime.

    python tools/sanitize.py                               # tests/runtime
    python tools/sanitize.py tests/test_linalg.py -k qr    # what pytest is told
    python tools/sanitize.py --guard tests/compiler        # machine code as well
    python tools/sanitize.py --thread tests/runtime        # data races
    python tools/sanitize.py --script fuzz.py 100          # a program instead of pytest

Accesses beyond memory or after its time, and undefined behaviour; with --thread, data
races; with --guard, a page that nobody may touch behind every block, where machine code
written at run time stops too (memory_guard.cpp). The runtime is built anew (10 minutes
of a processor the first time) in build/sanitize-*, beside an environment that has it in
place of the usual one: nothing else changes. Python and the libraries have no checks of their own, but blocks that they
allocate are checked, each alone (memory_pool.cpp keeps none then). What was
found is printed at the end, and is the exit code.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FLAGS = {
    "address": "-O1 -fsanitize=address,undefined -fno-sanitize=vptr"
    " -D_GLIBCXX_ASSERTIONS",
    "thread": "-O1 -fsanitize=thread",
    "guard": "-O2 -DCHAINRULE_GUARD_PAGES",
}
LIBRARIES = {
    "address": ("libasan.so", "libstdc++.so"),
    "thread": ("libtsan.so",),
    "guard": (),
}
KEPT = "tests/runtime/test_memory_pool.py"
# What measures the process's memory, what asks for more than there is, and what is about
# blocks that are kept: the sanitizer's allocator keeps what was freed, and ends the process
# where C++ throws; and no blocks are kept beside it.
UNFIT = (
    f"{KEPT}::test_large_arrays_are_used_again",
    f"{KEPT}::test_what_is_kept_is_limited",
    f"{KEPT}::test_large_arenas_are_kept",
    f"{KEPT}::test_what_is_kept_goes_before_memory_runs_out",
    f"{KEPT}::test_the_child_of_a_fork_has_its_own_memory",
    "tests/runtime/test_jit_objects.py::test_memory_stays_level",
    "tests/runtime/test_thread_pool.py::"
    "test_what_a_kernel_throws_on_any_thread_is_raised_by_the_caller",
)
OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "ignore_noninstrumented_modules=1:history_size=4:die_after_fork=0",
}


def build(kind, folder, jobs):
    """The extension with the checks of `kind`."""
    flags = f"{FLAGS[kind]} -g1 -fno-omit-frame-pointer"
    configure = ["cmake", "-S", ROOT, "-B", folder, "-DCMAKE_BUILD_TYPE=None"]
    configure += [f"-DCMAKE_CXX_FLAGS={flags}", f"-DPython_EXECUTABLE={sys.executable}"]
    subprocess.run(configure, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", folder, "-j", str(jobs)], check=True)
    (extension,) = folder.glob("_native.*.so")
    return extension


def environment(folder, extension):
    """The interpreter of an environment with links to the sources and the extension."""
    place = folder / "environment"
    shutil.rmtree(place, ignore_errors=True)
    command = [sys.executable, "-m", "venv", "--without-pip", place]
    subprocess.run(command, check=True)
    (packages,) = place.glob("lib/python*/site-packages")
    (base,) = (p for p in sys.path if p.endswith("site-packages"))
    (packages / "base.pth").write_text(base + "\n")
    source = ROOT / "src/chainrule"
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source, packages / "chainrule", False, unwanted, os.symlink)
    os.symlink(extension, packages / "chainrule/runtime" / extension.name)
    return place / "bin/python"


def library(name):
    command = ["g++", f"-print-file-name={name}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def run(kind, folder, python, arguments):
    """The exit code of the run; what it reported is printed, and is a failure too."""
    reports = folder / "reports"
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir()
    settings = {k: f"{v}:log_path={reports / k}" for k, v in OPTIONS.items()}
    settings["LD_PRELOAD"] = " ".join(library(n).strip() for n in LIBRARIES[kind])
    settings["PYTHONMALLOC"] = "malloc"
    command = [python, "-X", "faulthandler", *arguments]
    code = subprocess.run(command, env=os.environ | settings).returncode
    found = sorted(reports.iterdir())
    for report in found:
        print(report.read_text(errors="replace"))
    return code or bool(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--thread", action="store_true", help="look for data races")
    parser.add_argument("--guard", action="store_true", help="guard blocks by pages")
    parser.add_argument("--script", action="store_true", help="run no tests, a program")
    parser.add_argument("--jobs", type=int, default=2, help="of the build")
    options, arguments = parser.parse_known_args()
    kind = "thread" if options.thread else "guard" if options.guard else "address"
    folder = ROOT / "build" / f"sanitize-{kind}"
    python = environment(folder, build(kind, folder, options.jobs))
    if not options.script:
        unfit = [f"--deselect={test}" for test in UNFIT]
        arguments = ["-m", "pytest", *(arguments or ["tests/runtime"]), *unfit]
    sys.exit(run(kind, folder, python, arguments))


if __name__ == "__main__":
    main()
