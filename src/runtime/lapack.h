/// Dense linear algebra: how the runtime reaches LAPACK, and the few tools that
/// the routines in lapack_*.cpp share. The library (scipy-openblas, 64-bit
/// integers) is opened at run time; nothing links against it. NumPy arrays are
/// row-major and LAPACK's matrices column-major: each routine either transposes
/// on the way in and out or reads a row-major matrix as its transpose.
#pragma once
#include "kernels.h"
#include "native.h"
#include "panel_products.h"

#include <algorithm>
#include <atomic>
#include <complex>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace chainrule::lapack {

using Int = std::int64_t;
using Dims = std::vector<npy_intp>;

/// Address of the Fortran routine `name` (such as "dgetrf") in the loaded library;
/// raises RuntimeError if no library is loaded, ImportError if it lacks the routine.
void* routine_address(const std::string& name);

/// What the four element types differ in: real counterpart, NumPy number, letter.
template <class T> struct Element;
template <> struct Element<float> {
    using Real = float;
    static constexpr int type_num = NPY_FLOAT;
    static constexpr int complex_num = NPY_CFLOAT;
    static constexpr char letter = 's';
};
template <> struct Element<double> {
    using Real = double;
    static constexpr int type_num = NPY_DOUBLE;
    static constexpr int complex_num = NPY_CDOUBLE;
    static constexpr char letter = 'd';
};
template <> struct Element<std::complex<float>> {
    using Real = float;
    static constexpr int type_num = NPY_CFLOAT;
    static constexpr int complex_num = NPY_CFLOAT;
    static constexpr char letter = 'c';
};
template <> struct Element<std::complex<double>> {
    using Real = double;
    static constexpr int type_num = NPY_CDOUBLE;
    static constexpr int complex_num = NPY_CDOUBLE;
    static constexpr char letter = 'z';
};
template <class T> using Real = typename Element<T>::Real;
template <class T> inline constexpr bool is_complex = !std::is_same_v<T, Real<T>>;

/// A Fortran routine of one element type. Calling it passes scalars by reference
/// and appends the hidden length (1) of every character argument, as the Fortran
/// calling convention wants; pointers pass as they are.
class Routine {
  public:
    explicit Routine(const std::string& name) : address_(routine_address(name)) {}

    template <class... Args> void operator()(Args... args) const {
        constexpr int characters = (0 + ... + int(std::is_same_v<Args, char>));
        call(std::make_index_sequence<characters>(), args...);
    }

  private:
    template <std::size_t... I, class... Args>
    void call(std::index_sequence<I...>, Args&... args) const {
        using Function = void (*)(decltype(reference(args))..., decltype(I)...);
        reinterpret_cast<Function>(address_)(reference(args)..., (I * 0 + 1)...);
    }
    template <class A> static A* reference(A*& pointer) { return pointer; }
    template <class A> static A* reference(A& scalar) {
        static_assert(!std::is_same_v<A, int>, "Fortran integers are 64 bits here");
        return &scalar;
    }

    void* address_;
};

/// The routine for element type T: its letter, then `name`; complex types take
/// `complex_name` where LAPACK names them differently (orgqr, ungqr).
template <class T>
Routine routine(const char* name, const char* complex_name = nullptr) {
    const char* suffix = is_complex<T> && complex_name ? complex_name : name;
    return Routine(std::string(1, Element<T>::letter) + suffix);
}

/// An argument: a C-contiguous array of f32, f64, c64 or c128 with leading batch
/// dimensions. Raises TypeError or ValueError naming the function and argument.
class Operand {
  public:
    /// `core` is the number of trailing dimensions of one problem, 0 to 2.
    Operand(const char* function, const char* name, nb::handle value, int core);

    /// Raises unless each matrix is square.
    void require_square() const;
    /// Raises unless `other` has this operand's dtype and batch dimensions.
    void require_alike(const Operand& other) const;
    /// Raises unless `other` has this operand's batch dimensions.
    void require_same_batch(const Operand& other) const;
    /// Raises unless the dtype is the real one of `other`'s.
    void require_real_of(const Operand& other) const;
    /// Raises unless the dimension `axis` (from the end, -1 or -2) is `size`.
    void require_size(int axis, Int size, const char* reason) const;

    int type_num() const { return PyArray_TYPE(array()); }
    Int rows() const { return dim(-2); }
    Int cols() const { return dim(-1); }
    Int batch() const { return batch_; }
    /// The batch dimensions followed by `core`.
    Dims dims_with(std::initializer_list<Int> core) const;
    /// The first element of problem `index`.
    template <class T> const T* data(Int index) const {
        return static_cast<const T*>(PyArray_DATA(array())) + index * core_size_;
    }

  private:
    PyArrayObject* array() const {
        return reinterpret_cast<PyArrayObject*>(array_.ptr());
    }
    Int dim(int axis) const {
        return PyArray_DIM(array(), PyArray_NDIM(array()) + axis);
    }
    std::string shape() const;

    const char* function_;
    const char* name_;
    int core_;
    nb::object array_;
    Int batch_ = 1;
    Int core_size_ = 1;
};

/// A fresh C-contiguous array of E for the results of a batch of problems.
template <class E> class Result {
  public:
    /// The batch dimensions of `like` followed by `core`; contents undefined.
    Result(const Operand& like, std::initializer_list<Int> core) {
        Dims dims = like.dims_with(core);
        for (Int size : core) core_size_ *= size;
        array_ = nb::steal(
            PyArray_SimpleNew(int(dims.size()), dims.data(), type_num()));
        if (!array_.is_valid()) throw nb::python_error();
        data_ = static_cast<E*>(
            PyArray_DATA(reinterpret_cast<PyArrayObject*>(array_.ptr())));
    }
    E* data(Int index) { return data_ + index * core_size_; }
    Int core_size() const { return core_size_; }
    void fill(Int index, E value) { std::fill_n(data(index), core_size_, value); }
    const nb::object& array() const { return array_; }

  private:
    static constexpr int type_num() {
        if constexpr (std::is_same_v<E, std::int32_t>) {
            return NPY_INT32;
        } else if constexpr (std::is_same_v<E, bool>) {
            return NPY_BOOL;
        } else {
            return Element<E>::type_num;
        }
    }
    nb::object array_;
    E* data_ = nullptr;
    Int core_size_ = 1;
};

/// Memory of one call, uninitialised, at least one element.
template <class E> class Workspace {
  public:
    explicit Workspace(Int size)
        : data_(static_cast<E*>(::operator new(sizeof(E) * std::max<Int>(1, size)))) {}
    E* data() { return data_.get(); }
    E& operator[](Int i) { return data_.get()[i]; }

  private:
    struct Release {
        void operator()(E* pointer) const { ::operator delete(pointer); }
    };
    std::unique_ptr<E, Release> data_;
};

/// Calls `body` with a zero of the operand's element type.
template <class Body> nb::object by_element(const Operand& operand, Body body) {
    switch (operand.type_num()) {
        case NPY_FLOAT: return body(float());
        case NPY_DOUBLE: return body(double());
        case NPY_CFLOAT: return body(std::complex<float>());
        default: return body(std::complex<double>());
    }
}

/// Lets the library use its threads for as long as this lives, if a problem has
/// enough entries to gain by it; smaller ones run on the calling thread alone.
class Threading {
  public:
    explicit Threading(Int entries);
    ~Threading();
    Threading(const Threading&) = delete;
    Threading& operator=(const Threading&) = delete;

    /// Whether the library uses threads now.
    static bool used();

  private:
    bool large_;
};

/// How many of the pool's threads may share `count` parts of one problem: the caller alone
/// does all where the library uses threads of its own.
inline Int share_between(Int count) {
    return Threading::used() ? std::min<Int>(1, count)
                             : std::min<Int>(threads::count(), count);
}

/// Calls body(i) for i below `count`, parts of one problem: threads take one at a time, in
/// this order.
template <class Body> void share(Int count, const Body& body) {
    std::atomic<Int> next{0};
    kernels::parallel(share_between(count), 1, [&](Int, Int) {
        for (Int i; (i = next.fetch_add(1)) < count;) body(i);
    });
}

/// Runs `body()`, which solves all problems of a call, with the GIL released; `entries`
/// is the size of the matrix of one problem, 0 where problems use the pool's threads.
template <class Body> void all_problems(Int entries, Body body) {
    nb::gil_scoped_release released;
    Threading threading(entries);
    body();
}

/// A leading dimension that LAPACK accepts, also for empty matrices.
inline Int leading(Int rows) { return std::max<Int>(1, rows); }

/// The workspace size that a size query wrote into its first element; rounded up,
/// for a large size in single precision may have been rounded down.
template <class T> Int queried_size(const T& answer) {
    auto size = double(std::real(answer));
    return Int(size * (1 + double(std::numeric_limits<Real<T>>::epsilon()))) + 1;
}

template <class T> T nan_of() { return T(std::numeric_limits<Real<T>>::quiet_NaN()); }

template <class T> bool all_finite(const T* data, Int size) {
    using std::isfinite;
    return std::all_of(data, data + size, [](const T& x) {
        return isfinite(std::real(x)) && isfinite(std::imag(x));
    });
}

/// target[j * to + i] = of(source[i * from + j]) for i below `rows`, j below `cols`: a
/// square of whole cache lines at once.
template <class T, class Of>
void turn(const T* source, Int from, Int rows, Int cols, T* target, Int to, Of of) {
    constexpr Int block = std::max<Int>(4, 64 / Int(sizeof(T)));
    for (Int i0 = 0; i0 < rows; i0 += block) {
        const Int i1 = std::min(rows, i0 + block);
        for (Int j0 = 0; j0 < cols; j0 += block) {
            const Int j1 = std::min(cols, j0 + block);
            for (Int i = i0; i < i1; ++i)
                for (Int j = j0; j < j1; ++j)
                    target[j * to + i] = of(source[i * from + j]);
        }
    }
}

/// The same of the numbers as they are.
template <class T>
void turn(const T* source, Int from, Int rows, Int cols, T* target, Int to) {
    if constexpr (!is_complex<T>)
        if (panel::served()) return panel::turn<T>(rows, cols, source, from, target, to);
    turn(source, from, rows, cols, target, to, [](T x) { return x; });
}

/// Writes the row-major `rows` x `cols` matrix into `target` column-major (which is
/// also how a column-major cols x rows matrix becomes row-major).
template <class T> void transpose_into(const T* source, Int rows, Int cols, T* target) {
    turn(source, cols, rows, cols, target, rows);
}

/// Writes the identity into a row-major (or column-major) `rows` x `cols` matrix.
template <class T> void set_identity(T* target, Int rows, Int cols) {
    std::fill_n(target, rows * cols, T(0));
    for (Int i = 0; i < std::min(rows, cols); ++i) target[i * cols + i] = T(1);
}

/// Factorisations and solvers: cholesky, lu, solve, triangular_solve, ...
void register_solvers(nb::module_& m);
/// Householder factorisations: qr, geqrf, householder_product, hessenberg, ...
void register_orthogonal(nb::module_& m);
/// Eigenvalues and singular values: eigh, eig, schur, svd.
void register_spectral(nb::module_& m);
/// Functions of matrices, and what is made of several factorisations: expm, ...
void register_functions(nb::module_& m);

}  // namespace chainrule::lapack
