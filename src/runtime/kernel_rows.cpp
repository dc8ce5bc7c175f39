// NumPy's sort functions by address; items dealt into two parts by vectors.
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

#if defined(__x86_64__)

/// The same for vectors of 16 and of 8 items, and for what is left of these.
__attribute__((target("avx512f"))) inline __mmask16 deal_some(
    __m512i x, __mmask16 taken, u32 bound, u32* low, u32* high) {
    const __mmask16 up = _mm512_mask_cmpge_epu32_mask(taken, x, _mm512_set1_epi32(int(bound)));
    const auto down = __mmask16(taken & ~up);
    const int ups = __builtin_popcount(up), downs = __builtin_popcount(down);
    _mm512_mask_storeu_epi32(low, __mmask16((1u << downs) - 1),
                             _mm512_maskz_compress_epi32(down, x));
    _mm512_mask_storeu_epi32(high, __mmask16((1u << ups) - 1),
                             _mm512_maskz_compress_epi32(up, x));
    return up;
}

__attribute__((target("avx512f"))) inline __mmask8 deal_some(
    __m512i x, __mmask8 taken, u64 bound, u64* low, u64* high) {
    const __mmask8 up =
        _mm512_mask_cmpge_epu64_mask(taken, x, _mm512_set1_epi64(std::int64_t(bound)));
    const auto down = __mmask8(taken & ~up);
    const int ups = __builtin_popcount(up), downs = __builtin_popcount(down);
    _mm512_mask_storeu_epi64(low, __mmask8((1u << downs) - 1),
                             _mm512_maskz_compress_epi64(down, x));
    _mm512_mask_storeu_epi64(high, __mmask8((1u << ups) - 1),
                             _mm512_maskz_compress_epi64(up, x));
    return up;
}

/// No more is written than belongs to a part: behind it is another thread's.
template <class T, class Mask>
__attribute__((target("avx512f"))) void deal_by_vectors(const T* items, Int n, T bound,
                                                        T* low, T* high) {
    constexpr Int kLanes = 64 / sizeof(T);
    for (Int i = 0; i < n; i += kLanes) {
        const Int left = n - i < kLanes ? n - i : kLanes;
        const auto taken = Mask((1u << left) - 1);
        const __m512i x = sizeof(T) == 4
                              ? _mm512_maskz_loadu_epi32(__mmask16(taken), items + i)
                              : _mm512_maskz_loadu_epi64(__mmask8(taken), items + i);
        const int ups = __builtin_popcount(deal_some(x, taken, bound, low, high));
        high += ups;
        low += left - ups;
    }
}

template <class T, class Mask>
bool deal(const T* items, Int n, T bound, T* low, T* high) {
    static const bool known = __builtin_cpu_supports("avx512f");
    if (known) deal_by_vectors<T, Mask>(items, n, bound, low, high);
    return known;
}

#endif

}  // namespace

#if defined(__x86_64__)
bool deal_integers(const u32* items, Int n, u32 bound, u32* low, u32* high) {
    return deal<u32, __mmask16>(items, n, bound, low, high);
}

bool deal_integers(const u64* items, Int n, u64 bound, u64* low, u64* high) {
    return deal<u64, __mmask8>(items, n, bound, low, high);
}
#else
bool deal_integers(const u32*, Int, u32, u32*, u32*) { return false; }
bool deal_integers(const u64*, Int, u64, u64*, u64*) { return false; }
#endif

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
