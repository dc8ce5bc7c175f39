// NumPy's sort functions by address.
#include "kernel_rows.h"
#include "native.h"

namespace chainrule::kernels {
namespace {

/// nullptr where NumPy has none for the type.
template <class T> PyArray_SortFunc* numpy_sort = nullptr;

template <class T> void find_sort_function(int type_num) {
    PyArray_Descr* descr = PyArray_DescrFromType(type_num);
    if (!descr) throw nb::python_error();
    numpy_sort<T> = PyDataType_GetArrFuncs(descr)->sort[NPY_QUICKSORT];
    Py_DECREF(descr);
}

/// Short ones by insertion: a call costs more.
template <class T> void sort_by_numpy(T* items, Int n) {
    if (n > 12) {
        if (!numpy_sort<T> || numpy_sort<T>(items, n, nullptr) < 0)
            std::sort(items, items + n);
        return;
    }
    for (Int i = 1; i < n; ++i) {
        const T item = items[i];
        Int k = i;
        for (; k > 0 && item < items[k - 1]; --k) items[k] = items[k - 1];
        items[k] = item;
    }
}

}  // namespace

void find_sort_functions() {
    find_sort_function<u16>(NPY_UINT16);
    find_sort_function<u32>(NPY_UINT32);
    find_sort_function<u64>(NPY_UINT64);
}

/// Bytes are counted.
void sort_integers(u8* items, Int n) {
    Int counts[256] = {};
    for (Int i = 0; i < n; ++i) ++counts[items[i]];
    for (int value = 0; value < 256; ++value)
        items = std::fill_n(items, counts[value], u8(value));
}

void sort_integers(u16* items, Int n) { sort_by_numpy(items, n); }
void sort_integers(u32* items, Int n) { sort_by_numpy(items, n); }
void sort_integers(u64* items, Int n) { sort_by_numpy(items, n); }

}  // namespace chainrule::kernels
