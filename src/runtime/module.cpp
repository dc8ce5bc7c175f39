// The extension module: imports NumPy's C API and lets each concern register.
#define CHAINRULE_OWNS_NUMPY_API
#include "native.h"

namespace {
bool import_numpy() {
    import_array1(false);
    return true;
}
}  // namespace

NB_MODULE(_native, m) {
    if (!import_numpy()) throw nb::python_error();
    nb::set_leak_warnings(false);  // programs live to the end, and their code with them
    chainrule::register_dispatch(m);
    chainrule::register_extended(m);
    chainrule::register_pytree(m);
    chainrule::register_special(m);
    chainrule::register_threefry(m);
    chainrule::register_fma(m);
    chainrule::register_lapack(m);
    chainrule::register_object_loader(m);
    chainrule::register_machine_code(m);
    chainrule::register_digest(m);
    chainrule::register_processor(m);
    chainrule::register_thread_pool(m);
    chainrule::register_memory_pool(m);
    chainrule::register_plan(m);
    chainrule::register_library_kernels(m);
}
