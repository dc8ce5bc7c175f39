// Registration of C++ loops as NumPy ufuncs: the one user of NumPy's ufunc C API.
#include "ufunc.h"

#include <numpy/ufuncobject.h>

namespace chainrule {
namespace {

bool import_ufunc_api() {
    import_umath1(false);
    return true;
}

}  // namespace

void add_ufunc(nb::module_& m, const UfuncSpec& spec) {
    static const bool imported = import_ufunc_api();
    if (!imported) throw nb::python_error();
    // NumPy reads these arrays and never writes them; its signature predates const.
    auto* loops =
        reinterpret_cast<PyUFuncGenericFunction*>(const_cast<Loop*>(spec.loops));
    static void* no_data[16] = {};
    nb::object ufunc = nb::steal(PyUFunc_FromFuncAndData(
        loops, no_data, const_cast<char*>(spec.types), spec.loop_count, spec.inputs,
        spec.outputs, PyUFunc_None, spec.name, spec.doc, 0));
    if (!ufunc) throw nb::python_error();
    m.attr(spec.name) = ufunc;
}

}  // namespace chainrule
