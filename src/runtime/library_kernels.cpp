// Kernels that call libraries, with the signature of compiled ones: found by name,
// called by plans through their address.
//
// Matrix products go to scipy-openblas, which runs single-threaded; the iteration space
// is (batch, tile of rows, tile of columns), so the thread pool splits one large
// product as well as a batch of small ones. Neighbouring tiles of a call are done as
// one.
#include <nanobind/stl/string.h>

#include <algorithm>
#include <complex>
#include <cstdint>
#include <cstring>
#include <string>

#include "gemm.h"
#include "kernels.h"
#include "native.h"
#include "thread_pool.h"

namespace chainrule {
namespace {

using Int = std::int64_t;

/// The integers of a matrix product c = op(a) op(b), row-major; strides in elements.
struct Product {
    Int m, n, k;
    Int trans_a, trans_b;  // 0: as it is; 1: transposed; 2: conjugate transpose
    Int lda, ldb, ldc;
    Int batch_a, batch_b, batch_c;
    Int tiles_m, tiles_n;
};
static_assert(sizeof(Product) == 13 * sizeof(Int));

/// A block of rows or columns: tiles [first, last) of `tiles` over `size`.
struct Span {
    Int start, size;
};

/// Tiles are multiples of 16, so that the library's own blocks stay whole.
Span span_of(Int first, Int last, Int tiles, Int size) {
    Int step = ((size + tiles - 1) / tiles + 15) / 16 * 16;
    Int start = std::min(first * step, size);
    return {start, last == tiles ? size - start : std::min(last * step, size) - start};
}

/// One block of one product.
template <class T>
void multiply_block(const Product& p, T* c, const T* a, const T* b, Span rows, Span cols) {
    a += rows.start * (p.trans_a ? 1 : p.lda);
    b += cols.start * (p.trans_b ? p.ldb : 1);
    c += rows.start * p.ldc + cols.start;
    multiply<T>({a, p.lda, p.trans_a}, {b, p.ldb, p.trans_b}, c, p.ldc, rows.size,
                cols.size, p.k);
}

/// Kernel: buffers are c, a, b; the integers those of Product.
template <class T>
void gemm(void** buffers, const Int* ints, Int begin, Int end) {
    Product p;
    std::memcpy(&p, ints, sizeof p);
    const Int per_product = p.tiles_m * p.tiles_n;
    while (begin < end) {
        Int batch = begin / per_product;
        Int row = begin % per_product / p.tiles_n, col = begin % p.tiles_n;
        Int rows = std::min((end - begin) / p.tiles_n, p.tiles_m - row);
        Int cols = p.tiles_n;
        if (col != 0 || rows == 0) {
            rows = 1;
            cols = std::min(p.tiles_n - col, end - begin);
        }
        multiply_block(p, static_cast<T*>(buffers[0]) + batch * p.batch_c,
                       static_cast<const T*>(buffers[1]) + batch * p.batch_a,
                       static_cast<const T*>(buffers[2]) + batch * p.batch_b,
                       span_of(row, row + rows, p.tiles_m, p.m),
                       span_of(col, col + cols, p.tiles_n, p.n));
        begin += rows * cols;
    }
}

/// Kernel: buffers are target and source; the integer is the size of an element.
void copy(void** buffers, const Int* ints, Int begin, Int end) {
    std::memcpy(static_cast<char*>(buffers[0]) + begin * ints[0],
                static_cast<const char*>(buffers[1]) + begin * ints[0],
                std::size_t((end - begin) * ints[0]));
}

/// Address of a routine of the library, which is opened if that is still to be done.
std::uintptr_t address_of(const char* name) {
    nb::object address =
        nb::module_::import_("chainrule.runtime.lapack").attr("address")(name);
    return nb::cast<std::uintptr_t>(address);
}

/// Finds the library's routine for T.
template <class T>
void open_gemm(const char* name) {
    if (!gemm_routine<T>) gemm_routine<T> = reinterpret_cast<Gemm<T>>(address_of(name));
}

/// The kernel of matrix products of T.
template <class T>
threads::Kernel gemm_kernel(const char* name) {
    open_gemm<T>(name);
    return gemm<T>;
}

/// The kernel of this name that multiplies groups of rows; nullptr if there is none.
threads::Kernel ragged_kernel(const std::string& name) {
    threads::Kernel kernel = kernels::find_ragged(name);
    if (kernel) {
        open_gemm<float>("sgemm");
        open_gemm<double>("dgemm");
    }
    return kernel;
}

/// The kernel of this name that calls LAPACK, with the library open; nullptr if there
/// is none.
threads::Kernel linalg_kernel(const std::string& name) {
    threads::Kernel kernel = kernels::find_linalg(name);
    if (kernel) address_of("dgetrf");
    return kernel;
}

std::uintptr_t library_kernel(const std::string& name) {
    threads::Kernel kernel = nullptr;
    if (name == "gemm_f32") kernel = gemm_kernel<float>("sgemm");
    if (name == "gemm_f64") kernel = gemm_kernel<double>("dgemm");
    if (name == "gemm_c64") kernel = gemm_kernel<std::complex<float>>("cgemm");
    if (name == "gemm_c128") kernel = gemm_kernel<std::complex<double>>("zgemm");
    if (name == "copy") kernel = copy;
    if (!kernel) kernel = kernels::find(name);
    if (!kernel) kernel = ragged_kernel(name);
    if (!kernel) kernel = linalg_kernel(name);
    if (!kernel)
        throw nb::value_error(("library_kernel: there is no kernel '" + name +
                               "'; there are gemm_f32, gemm_f64, gemm_c64, gemm_c128, "
                               "copy, and those of src/runtime/kernel_*.cpp.")
                                  .c_str());
    return reinterpret_cast<std::uintptr_t>(kernel);
}

}  // namespace

void register_library_kernels(nb::module_& m) {
    m.def(
        "library_kernel", &library_kernel, nb::arg("name"),
        "Address of a kernel that calls a library, for the steps of plans.\n\n"
        "gemm_f32, gemm_f64, gemm_c64, gemm_c128: c = op(a) op(b), row-major. The\n"
        "buffers are c, a, b; the integers m, n, k, trans_a, trans_b, lda, ldb, ldc,\n"
        "the batch strides of a, b, c (strides in elements), and the numbers of tiles\n"
        "of rows and columns. trans: 0 as it is, 1 transposed, 2 conjugate transpose.\n"
        "The extent is batch * tiles of rows * tiles of columns.\n"
        "copy: the buffers are target and source, the integer the bytes of an\n"
        "element; the extent counts elements.");
}

}  // namespace chainrule
