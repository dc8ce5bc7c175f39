/// Shared declarations of the runtime extension: each concern registers itself
/// in the module through one function, called once from module.cpp.
#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <nanobind/nanobind.h>

#define PY_ARRAY_UNIQUE_SYMBOL chainrule_numpy_api
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#ifndef CHAINRULE_OWNS_NUMPY_API
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

namespace nb = nanobind;

namespace chainrule {

/// Array, ShapedArray, Trace, Tracer, Primitive and the thread's tracing state.
void register_dispatch(nb::module_& m);
/// Extended dtypes: element types that NumPy holds as structured bytes.
void register_extended(nb::module_& m);
/// Pytree flattening: PyTreeDef, flatten, the registry of node types.
void register_pytree(nb::module_& m);
/// Special functions as NumPy ufuncs.
void register_special(nb::module_& m);
/// Counter-based random bits.
void register_threefry(nb::module_& m);
/// Fused multiply-add, a ufunc.
void register_fma(nb::module_& m);
/// Dense linear algebra through LAPACK, resolved by address at run time.
void register_lapack(nb::module_& m);
/// What the machine's caches keep.
void register_processor(nb::module_& m);
/// Machine code: Code, load_object.
void register_object_loader(nb::module_& m);
/// SHA-256.
void register_digest(nb::module_& m);
/// Kernels compiled in the background: MachineCode.
void register_machine_code(nb::module_& m);
/// The threads that kernels run on.
void register_thread_pool(nb::module_& m);
/// Memory kept for large arrays.
void register_memory_pool(nb::module_& m);
/// Plan, a compiled program.
void register_plan(nb::module_& m);
/// Kernels that call libraries.
void register_library_kernels(nb::module_& m);

}  // namespace chainrule
