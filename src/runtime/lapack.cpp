// The LAPACK library itself: opening it, finding routines in it, and the checks
// that every argument of a linear algebra function passes.
#include "lapack.h"

#include <dlfcn.h>

#include <mutex>

#include <nanobind/stl/string.h>

namespace chainrule::lapack {
namespace {

// Set once, with the GIL held, and never closed: addresses may live in compiled code.
void* library = nullptr;

void* library_function(const std::string& symbol) {
    if (!library) {
        throw std::runtime_error(
            "lapack: no LAPACK library is loaded; call these functions through "
            "chainrule.runtime.lapack, or call lapack_load(path) first.");
    }
    void* address = dlsym(library, symbol.c_str());
    if (address) return address;
    throw nb::import_error(("lapack: the loaded library has no function " + symbol +
                            "; install scipy-openblas64 0.3.29 or newer.")
                               .c_str());
}

// The library's thread count belongs to the whole process. It stays at one, so that
// small problems do not wait for sleeping threads and compiled code may call BLAS
// from threads of its own, and rises while at least one large problem runs.
struct ThreadCount {
    std::mutex mutex;
    void (*apply)(int) = nullptr;
    int allowed = 1;
    std::atomic<int> large_problems{0};
};
ThreadCount thread_count;
constexpr Int threaded_entries = 1024 * 1024;

void load(const std::string& path) {
    if (library) return;
    library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char* reason = dlerror();
        throw nb::import_error(("lapack_load: cannot open " + path + ": " +
                                (reason ? reason : "unknown reason") +
                                "; reinstall scipy-openblas64.")
                                   .c_str());
    }
    void* get = library_function("scipy_openblas_get_num_threads64_");
    void* set = library_function("scipy_openblas_set_num_threads64_");
    thread_count.allowed = reinterpret_cast<int (*)()>(get)();
    thread_count.apply = reinterpret_cast<void (*)(int)>(set);
    thread_count.apply(1);
}

std::uintptr_t address_of(const std::string& name) {
    return reinterpret_cast<std::uintptr_t>(routine_address(name));
}

void set_threads(int count) {
    if (count < 1) {
        throw nb::value_error(("lapack_set_threads: count is " + std::to_string(count) +
                               "; use at least 1.")
                                  .c_str());
    }
    std::lock_guard<std::mutex> guard(thread_count.mutex);
    thread_count.allowed = count;
}

int threads() { return thread_count.allowed; }

std::string dims_text(const npy_intp* dims, int ndim) {
    std::string text = "(";
    for (int i = 0; i < ndim; ++i) {
        text += (i ? ", " : "") + std::to_string(dims[i]);
    }
    return text + (ndim == 1 ? ",)" : ")");
}

std::string dtype_text(PyArrayObject* array) {
    nb::handle dtype(reinterpret_cast<PyObject*>(PyArray_DESCR(array)));
    return nb::str(dtype).c_str();
}

}  // namespace

void* routine_address(const std::string& name) {
    return library_function("scipy_" + name + "_64_");
}

Threading::Threading(Int entries) : large_(entries >= threaded_entries) {
    if (!large_) return;
    std::lock_guard<std::mutex> guard(thread_count.mutex);
    if (thread_count.large_problems++ == 0) thread_count.apply(thread_count.allowed);
}

Threading::~Threading() {
    if (!large_) return;
    std::lock_guard<std::mutex> guard(thread_count.mutex);
    if (--thread_count.large_problems == 0) thread_count.apply(1);
}

bool Threading::used() { return thread_count.large_problems.load() > 0; }

Operand::Operand(const char* function, const char* name, nb::handle value, int core)
    : function_(function), name_(name), core_(core) {
    std::string where = std::string(function) + ": " + name;
    if (!PyArray_Check(value.ptr())) {
        throw nb::type_error((where + " is a " + Py_TYPE(value.ptr())->tp_name +
                              "; pass a numpy.ndarray.")
                                 .c_str());
    }
    auto* given = reinterpret_cast<PyArrayObject*>(value.ptr());
    int type = PyArray_TYPE(given);
    if (type != NPY_FLOAT && type != NPY_DOUBLE && type != NPY_CFLOAT &&
        type != NPY_CDOUBLE) {
        throw nb::type_error(
            (where + " has dtype " + dtype_text(given) +
             "; use float32, float64, complex64 or complex128.")
                .c_str());
    }
    if (PyArray_NDIM(given) < core) {
        throw nb::value_error(
            (where + " has shape " +
             dims_text(PyArray_DIMS(given), PyArray_NDIM(given)) +
             "; it must have at least " + std::to_string(core) + " dimension" +
             (core == 1 ? "." : "s."))
                .c_str());
    }
    array_ = nb::steal(PyArray_FromAny(value.ptr(), PyArray_DescrFromType(type), 0, 0,
                                       NPY_ARRAY_CARRAY_RO | NPY_ARRAY_ENSUREARRAY,
                                       nullptr));
    if (!array_.is_valid()) throw nb::python_error();
    int leading_dims = PyArray_NDIM(given) - core;
    for (int i = 0; i < PyArray_NDIM(given); ++i) {
        (i < leading_dims ? batch_ : core_size_) *= PyArray_DIM(given, i);
    }
}

std::string Operand::shape() const {
    return dims_text(PyArray_DIMS(array()), PyArray_NDIM(array()));
}

void Operand::require_square() const {
    if (rows() == cols()) return;
    throw nb::value_error((std::string(function_) + ": " + name_ + " has shape " +
                           shape() + "; its last two dimensions must be equal.")
                              .c_str());
}

void Operand::require_alike(const Operand& other) const {
    std::string where = std::string(function_) + ": " + name_ + " and " + other.name_;
    if (type_num() != other.type_num()) {
        throw nb::type_error((where + " have dtypes " + dtype_text(array()) + " and " +
                              dtype_text(other.array()) + "; use one dtype.")
                                 .c_str());
    }
    require_same_batch(other);
}

void Operand::require_same_batch(const Operand& other) const {
    int own = PyArray_NDIM(array()) - core_;
    int others = PyArray_NDIM(other.array()) - other.core_;
    if (own != others || !std::equal(PyArray_DIMS(array()), PyArray_DIMS(array()) + own,
                                     PyArray_DIMS(other.array()))) {
        throw nb::value_error((std::string(function_) + ": " + name_ + " and " +
                               other.name_ + " have shapes " + shape() + " and " +
                               other.shape() +
                               "; their batch dimensions must be equal.")
                                  .c_str());
    }
}

void Operand::require_real_of(const Operand& other) const {
    const int type = other.type_num();
    const bool single = type == NPY_FLOAT || type == NPY_CFLOAT;
    if (type_num() == (single ? NPY_FLOAT : NPY_DOUBLE)) return;
    throw nb::type_error((std::string(function_) + ": " + name_ + " has dtype " +
                          dtype_text(array()) + "; use the real one of " + other.name_ +
                          ", " + (single ? "float32." : "float64."))
                             .c_str());
}

void Operand::require_size(int axis, Int size, const char* reason) const {
    if (dim(axis) == size) return;
    throw nb::value_error((std::string(function_) + ": " + name_ + " has shape " +
                           shape() + "; its dimension " + std::to_string(axis) +
                           " must be " + std::to_string(size) + ", " + reason + ".")
                              .c_str());
}

Dims Operand::dims_with(std::initializer_list<Int> core) const {
    npy_intp* dims = PyArray_DIMS(array());
    Dims result(dims, dims + PyArray_NDIM(array()) - core_);
    result.insert(result.end(), core.begin(), core.end());
    return result;
}

}  // namespace chainrule::lapack

namespace chainrule {
void register_lapack(nb::module_& m) {
    m.def("lapack_load", &lapack::load, nb::arg("path"),
          "Open the LAPACK library at `path`; the first call decides.");
    m.def("lapack_address", &lapack::address_of, nb::arg("name"),
          "Address of the Fortran routine `name`, such as 'dgemm' (64-bit integers).");
    m.def("lapack_set_threads", &lapack::set_threads, nb::arg("count"),
          "Set how many threads the library may use for a large problem.");
    m.def("lapack_threads", &lapack::threads, 
          "How many threads the library may use for a large problem.");
    lapack::register_solvers(m);
    lapack::register_orthogonal(m);
    lapack::register_spectral(m);
    lapack::register_functions(m);
}
}  // namespace chainrule
