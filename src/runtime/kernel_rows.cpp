// NumPy's sort functions by address; what lies below or above a bound.
#include "kernel_rows.h"
#include "native.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

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

/// Without branches: on which side an item lies cannot be predicted. What is written
/// behind the last one of a side stays in a block of its own.
template <class T, class IsTaken>
Int take_by_items(const T* items, Int n, T* front, T* back, const IsTaken& is_taken) {
    constexpr Int kBlock = 512;
    T block[kBlock + 1];
    Int taken = 0;
    for (Int begin = 0; begin < n; begin += kBlock) {
        Int found = 0;
        for (Int i = begin, end = std::min(begin + kBlock, n); i < end; ++i) {
            block[found] = items[i];
            found += is_taken(items[i]);
        }
        taken += found;
        std::copy_n(block, found, front ? front + taken - found : back - taken);
    }
    return taken;
}

#if defined(__x86_64__)

/// Those of up to 16 (8) items that are below or above a bound, at the beginning of x.
__attribute__((target("avx512f"))) inline int select(__m512i& x, unsigned present,
                                                     u32 bound, bool above) {
    const __m512i all = _mm512_set1_epi32(int(bound));
    const auto read = __mmask16(present);
    const __mmask16 taken = above ? _mm512_mask_cmpgt_epu32_mask(read, x, all)
                                  : _mm512_mask_cmplt_epu32_mask(read, x, all);
    x = _mm512_maskz_compress_epi32(taken, x);
    return __builtin_popcount(taken);
}

__attribute__((target("avx512f"))) inline int select(__m512i& x, unsigned present,
                                                     u64 bound, bool above) {
    const __m512i all = _mm512_set1_epi64(std::int64_t(bound));
    const auto read = __mmask8(present);
    const __mmask8 taken = above ? _mm512_mask_cmpgt_epu64_mask(read, x, all)
                                 : _mm512_mask_cmplt_epu64_mask(read, x, all);
    x = _mm512_maskz_compress_epi64(taken, x);
    return __builtin_popcount(taken);
}

__attribute__((target("avx512f"))) inline __m512i load(const u32* from,
                                                       unsigned present) {
    return _mm512_maskz_loadu_epi32(__mmask16(present), from);
}
__attribute__((target("avx512f"))) inline __m512i load(const u64* from,
                                                       unsigned present) {
    return _mm512_maskz_loadu_epi64(__mmask8(present), from);
}
__attribute__((target("avx512f"))) inline void store(u32* to, unsigned taken,
                                                     __m512i x) {
    _mm512_mask_storeu_epi32(to, __mmask16(taken), x);
}
__attribute__((target("avx512f"))) inline void store(u64* to, unsigned taken,
                                                     __m512i x) {
    _mm512_mask_storeu_epi64(to, __mmask8(taken), x);
}

/// No more is written than is taken: beside it is another thread's.
template <bool above, class T>
__attribute__((target("avx512f"))) Int take_by_vectors(const T* items, Int n, T bound,
                                                       T* to) {
    constexpr Int kLanes = 64 / sizeof(T);
    Int taken = 0;
    for (Int i = 0; i < n; i += kLanes) {
        const unsigned present = (1u << std::min(kLanes, n - i)) - 1;
        __m512i x = load(items + i, present);
        const int found = select(x, present, bound, above);
        taken += found;
        store(above ? to - taken : to + taken - found, (1u << found) - 1, x);
    }
    return taken;
}

const bool has_vectors = __builtin_cpu_supports("avx512f");
#endif

template <bool above, class T> Int take(const T* items, Int n, T bound, T* to) {
#if defined(__x86_64__)
    if constexpr (sizeof(T) >= 4)
        if (has_vectors) return take_by_vectors<above>(items, n, bound, to);
#endif
    if (above)
        return take_by_items(items, n, static_cast<T*>(nullptr), to,
                             [=](T item) { return item > bound; });
    return take_by_items(items, n, to, static_cast<T*>(nullptr),
                         [=](T item) { return item < bound; });
}

}  // namespace

#define CHAINRULE_TAKE(T)                                              \
    Int take_below(const T* items, Int n, T bound, T* low) {           \
        return take<false>(items, n, bound, low);                      \
    }                                                                  \
    Int take_above(const T* items, Int n, T bound, T* high) {          \
        return take<true>(items, n, bound, high);                      \
    }

CHAINRULE_TAKE(u8)
CHAINRULE_TAKE(u16)
CHAINRULE_TAKE(u32)
CHAINRULE_TAKE(u64)

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
