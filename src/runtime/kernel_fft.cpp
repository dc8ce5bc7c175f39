// Fourier transforms by NumPy's pocketfft, whose loops are called by their addresses: no
// Python runs, so that they may stand in loops and be shared by threads.
//
// fft_<type>, ifft_<type> (complex to complex), rfft_<type> (real to complex), irfft_<type>
// (complex to real), <type> being that of the real numbers, f32 or f64. Buffers are the
// operand and the result; the integers before, points in, points out, after, where both
// have the shape (before, points, after). ifft and irfft divide by the number of points of
// the result. The extent is before * after.
#include "kernels.h"
#include "native.h"

#include <numpy/ufuncobject.h>

#include <algorithm>
#include <array>

namespace chainrule::kernels {
namespace {

constexpr Int kWork = 1 << 15;  // points that are worth a thread

/// A loop of a ufunc, and what it is called with.
struct Loop {
    PyUFuncGenericFunction function = nullptr;
    void* data = nullptr;
};

enum Kind { kForward, kInverse, kRealEven, kRealOdd, kToReal, kKinds };

/// NumPy's names, and whether operand and result are complex.
struct Entry {
    const char* name;
    bool complex_in, complex_out;
};
constexpr Entry kEntries[kKinds] = {{"fft", true, true},
                                    {"ifft", true, true},
                                    {"rfft_n_even", false, true},
                                    {"rfft_n_odd", false, true},
                                    {"irfft", true, false}};

/// Set with the GIL held before a kernel is handed out.
std::array<std::array<Loop, 2>, kKinds> loops;

template <class T> constexpr int kPrecision = sizeof(T) == 8;

/// `count` transforms: rows, or neighbouring columns where `after` is not 1.
template <class T>
void transform(Kind kind, char* in, char* out, Int count, Int n_in, Int n_out,
               Int after) {
    const Entry& entry = kEntries[kind];
    const Int size_in = Int(sizeof(T)) * (entry.complex_in ? 2 : 1);
    const Int size_out = Int(sizeof(T)) * (entry.complex_out ? 2 : 1);
    const bool scaled = kind == kInverse || kind == kToReal;
    T factor = scaled ? T(1) / T(n_out) : T(1);
    char* args[] = {in, reinterpret_cast<char*>(&factor), out};
    npy_intp dims[] = {count, n_in, n_out};
    npy_intp steps[] = {after == 1 ? n_in * size_in : size_in, 0,
                        after == 1 ? n_out * size_out : size_out, after * size_in,
                        after * size_out};
    const Loop& loop = loops[kind][kPrecision<T>];
    loop.function(args, dims, steps, loop.data);
}

template <class T, int asked>
void fft(void** buffers, const Int* ints, Int begin, Int end) {
    const Int n_in = ints[1], n_out = ints[2], after = ints[3];
    Kind kind = Kind(asked);
    if (kind == kRealEven && n_in % 2) kind = kRealOdd;
    const Int size_in = Int(sizeof(T)) * (kEntries[kind].complex_in ? 2 : 1);
    const Int size_out = Int(sizeof(T)) * (kEntries[kind].complex_out ? 2 : 1);
    char *in = static_cast<char*>(buffers[0]), *out = static_cast<char*>(buffers[1]);
    parallel(end - begin, std::max(kWork / std::max(n_in, n_out), Int(1)),
             [&](Int first, Int last) {
                 for (Int k = begin + first; k < begin + last;) {
                     Int row = k / after, column = k % after;
                     Int count = after == 1 ? begin + last - k
                                            : std::min(after - column, begin + last - k);
                     transform<T>(kind, in + (row * n_in * after + column) * size_in,
                                  out + (row * n_out * after + column) * size_out, count,
                                  n_in, n_out, after);
                     k += count;
                 }
             });
}

/// The loop for a precision; none if NumPy has it not.
Loop find_loop(const PyUFuncObject* ufunc, const Entry& entry, bool is_double) {
    const int real = is_double ? NPY_DOUBLE : NPY_FLOAT;
    const int complex = is_double ? NPY_CDOUBLE : NPY_CFLOAT;
    const int wanted[] = {entry.complex_in ? complex : real, real,
                          entry.complex_out ? complex : real};
    if (ufunc->nargs != 3) return {};
    for (int i = 0; i < ufunc->ntypes; ++i)
        if (std::equal(wanted, wanted + 3, ufunc->types + 3 * i))
            return {ufunc->functions[i], ufunc->data ? ufunc->data[i] : nullptr};
    return {};
}

bool is_open() {
    for (const auto& pair : loops)
        for (const Loop& loop : pair)
            if (!loop.function) return false;
    return true;
}

}  // namespace

bool open_fft() {
    if (is_open()) return true;
    try {
        nb::object module = nb::module_::import_("numpy.fft._pocketfft_umath");
        nb::object type = nb::module_::import_("numpy").attr("ufunc");
        for (int kind = 0; kind < kKinds; ++kind) {
            nb::object found = module.attr(kEntries[kind].name);
            if (!nb::isinstance(found, type)) return false;
            auto ufunc = reinterpret_cast<const PyUFuncObject*>(found.ptr());
            for (int p = 0; p < 2; ++p)
                loops[kind][p] = find_loop(ufunc, kEntries[kind], p == 1);
        }
    } catch (nb::python_error& error) {
        if (!error.matches(PyExc_ImportError) && !error.matches(PyExc_AttributeError))
            throw;
    }
    return is_open();
}

void add_fft_kernels(Names& names) {
    names["fft_f32"] = fft<float, kForward>;
    names["fft_f64"] = fft<double, kForward>;
    names["ifft_f32"] = fft<float, kInverse>;
    names["ifft_f64"] = fft<double, kInverse>;
    names["rfft_f32"] = fft<float, kRealEven>;
    names["rfft_f64"] = fft<double, kRealEven>;
    names["irfft_f32"] = fft<float, kToReal>;
    names["irfft_f64"] = fft<double, kToReal>;
}

}  // namespace chainrule::kernels
