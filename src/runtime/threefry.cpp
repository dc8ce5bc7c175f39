// Threefry-2x32 with 20 rounds, a counter-based generator (Salmon, Moraes, Dror, Shaw,
// "Parallel random numbers: as easy as 1, 2, 3", SC'11), and the rules by which a key
// gives bits, keys and keys of keys.
//
// Write T(k, c) = (y0, y1) for the block of the key k = (k0, k1) and the counter
// c = (c0, c1), all 32-bit words. The rules, each checked against JAX 0.10.2 with its
// default jax_threefry_partitionable=True (tests/runtime/test_threefry.py has values):
//
// * bits(k, shape, uintN): element i in row-major order has the 64-bit counter i, that
//   is c = (i >> 32, i mod 2^32). uint32: y0 ^ y1. uint64: y0 << 32 | y1. uint16 and
//   uint8: the low bits of y0 ^ y1. Every element depends on k and i alone.
// * split(k, shape): the key at i is T(k, (i >> 32, i mod 2^32)) itself, as (y0, y1).
// * fold_in(k, d): T(k, (0, d mod 2^32)). (A Python int outside [0, 2^32) is an
//   OverflowError in JAX; NumPy integers wrap.)
// * key(seed): (seed >> 32, seed mod 2^32) of the two's complement 64-bit seed when
//   64-bit types are enabled, otherwise (0, seed mod 2^32). A Python int outside
//   [-2^63, 2^63) is an OverflowError; a seed of 32 bits or fewer has the high word 0,
//   also when it is negative.
// * uniform(k, shape, dtype) on [0, 1): the top bits of bits(k, shape, uintN) as the
//   mantissa of a number in [1, 2), minus 1. float32: (b >> 9 | 0x3f800000) - 1;
//   float64: (b >> 12 | 0x3ff0000000000000) - 1; float16 (16 bits): (b >> 6 | 0x3c00)
//   - 1; bfloat16 takes 8 bits, not 16: (b >> 1 | 0x3f80) - 1. Then for [lo, hi):
//   max(lo, u * (hi - lo) + lo), which JAX contracts to one fma when it compiles.
#include "threefry.h"
#include "ufunc.h"

#include <cstdint>
#include <cstring>
#include <string>

namespace chainrule {
namespace {

using threefry::Key;
using threefry::u32;
using threefry::u64;

// --- the generator, for 32 counters at once
//
// Rounds are a chain of dependent operations, so two vectors of 16 lanes are advanced
// side by side. GCC and clang split these vectors where the machine's are shorter.

constexpr int kLanes = 16;
constexpr int kVectors = 2;
constexpr int kPack = kLanes * kVectors;
using Lanes = u32 __attribute__((vector_size(kLanes * sizeof(u32))));

/// kPack blocks: the counters going in, the generator's output coming out.
struct Pack {
    Lanes x0[kVectors], x1[kVectors];
};

/// The key of a pack: a word for all of its blocks or, of type Lanes, one for each.
template <typename Word>
struct PackKey {
    Word k0[kVectors], k1[kVectors];
};

template <int By>
CHAINRULE_INLINE void mix(Pack& p) {
    for (int v = 0; v < kVectors; ++v) p.x0[v] += p.x1[v];
    for (int v = 0; v < kVectors; ++v) p.x1[v] = p.x1[v] << By | p.x1[v] >> (32 - By);
    for (int v = 0; v < kVectors; ++v) p.x1[v] ^= p.x0[v];
}

template <int A, int B, int C, int D, typename Word>
CHAINRULE_INLINE void four_rounds(Pack& p, const Word* key0, const Word* key1,
                                  u32 count) {
    mix<A>(p), mix<B>(p), mix<C>(p), mix<D>(p);
    for (int v = 0; v < kVectors; ++v) p.x0[v] += key0[v], p.x1[v] += key1[v] + count;
}

/// T(k, c) for each block: rotations of Salmon et al., table 2; the constant of the
/// third key word is that of the Threefish cipher.
template <typename Word>
CHAINRULE_INLINE void encrypt(Pack& p, const PackKey<Word>& key) {
    Word k2[kVectors];
    for (int v = 0; v < kVectors; ++v) {
        k2[v] = key.k0[v] ^ key.k1[v] ^ 0x1BD11BDAu;
        p.x0[v] += key.k0[v], p.x1[v] += key.k1[v];
    }
    four_rounds<13, 15, 26, 6>(p, key.k1, k2, 1);
    four_rounds<17, 29, 16, 24>(p, k2, key.k0, 2);
    four_rounds<13, 15, 26, 6>(p, key.k0, key.k1, 3);
    four_rounds<17, 29, 16, 24>(p, key.k1, k2, 4);
    four_rounds<13, 15, 26, 6>(p, k2, key.k0, 5);
}

// --- streams: the elements of one key in order

using Lanes8 = std::uint8_t __attribute__((vector_size(kLanes)));
using Lanes16 = std::uint16_t __attribute__((vector_size(2 * kLanes)));
using Lanes64 = u64 __attribute__((vector_size(8 * kLanes)));

CHAINRULE_INLINE void store(const Lanes& y0, const Lanes& y1, std::uint8_t* out) {
    const Lanes8 y = __builtin_convertvector(y0 ^ y1, Lanes8);
    std::memcpy(out, &y, sizeof y);
}

CHAINRULE_INLINE void store(const Lanes& y0, const Lanes& y1, std::uint16_t* out) {
    const Lanes16 y = __builtin_convertvector(y0 ^ y1, Lanes16);
    std::memcpy(out, &y, sizeof y);
}

CHAINRULE_INLINE void store(const Lanes& y0, const Lanes& y1, u32* out) {
    const Lanes y = y0 ^ y1;
    std::memcpy(out, &y, sizeof y);
}

CHAINRULE_INLINE void store(const Lanes& y0, const Lanes& y1, u64* out) {
    const Lanes64 y = __builtin_convertvector(y0, Lanes64) << 32 |
                      __builtin_convertvector(y1, Lanes64);
    std::memcpy(out, &y, sizeof y);
}

CHAINRULE_INLINE void store(const Lanes& y0, const Lanes& y1, Key* out) {
    for (int i = 0; i < kLanes; ++i) out[i] = {{y0[i], y1[i]}};
}

template <typename Out>
CHAINRULE_INLINE void fill_pack(const PackKey<u32>& key, u32 high, const Lanes& low,
                                Out* out) {
    Pack p = {};
    for (int v = 0; v < kVectors; ++v) p.x0[v] += high, p.x1[v] = low + u32(v * kLanes);
    encrypt(p, key);
    for (int v = 0; v < kVectors; ++v) store(p.x0[v], p.x1[v], out + v * kLanes);
}

/// `count` elements whose counters are (high, low), (high, low + 1), ... without carry.
template <typename Out>
CHAINRULE_INLINE void fill_run(u32 k0, u32 k1, u32 high, u32 low, u64 count, Out* out) {
    const PackKey<u32> key = {{k0, k0}, {k1, k1}};
    Lanes counters;
    for (int i = 0; i < kLanes; ++i) counters[i] = low + u32(i);
    for (; count >= kPack; count -= kPack, out += kPack, counters += u32(kPack))
        fill_pack(key, high, counters, out);
    if (count > 0) {
        Out rest[kPack];
        fill_pack(key, high, counters, rest);
        std::memcpy(out, rest, count * sizeof(Out));
    }
}

#define CHAINRULE_FILL(Out)                                                         \
    CHAINRULE_VECTOR_CLONES void fill(u32 k0, u32 k1, u32 high, u32 low, u64 count, \
                                      Out* out) {                                   \
        fill_run(k0, k1, high, low, count, out);                                    \
    }
CHAINRULE_FILL(std::uint8_t)
CHAINRULE_FILL(std::uint16_t)
CHAINRULE_FILL(u32)
CHAINRULE_FILL(u64)
CHAINRULE_FILL(Key)
#undef CHAINRULE_FILL

}  // namespace

namespace threefry {

template <typename Out>
void fill_stream(u32 k0, u32 k1, u64 start, u64 count, Out* out) {
    while (count > 0) {
        const u64 before_carry = (u64(1) << 32) - (start & 0xffffffffu);
        const u64 run = count < before_carry ? count : before_carry;
        fill(k0, k1, u32(start >> 32), u32(start), run, out);
        start += run, count -= run, out += run;
    }
}

template void fill_stream(u32, u32, u64, u64, std::uint8_t*);
template void fill_stream(u32, u32, u64, u64, std::uint16_t*);
template void fill_stream(u32, u32, u64, u64, u32*);
template void fill_stream(u32, u32, u64, u64, u64*);
template void fill_stream(u32, u32, u64, u64, Key*);

}  // namespace threefry

namespace {

using threefry::fill_stream;

// --- the ufunc: blocks of given keys and counters

/// Reads n <= kPack words at a stride of bytes; the lanes from n on are 0.
CHAINRULE_INLINE void load(Lanes* lanes, const char* from, npy_intp stride,
                           npy_intp n) {
    u32 words[kPack] = {};
    if (stride == sizeof(u32) && n == kPack)
        std::memcpy(words, from, sizeof words);
    else
        for (npy_intp i = 0; i < n; ++i) std::memcpy(&words[i], from + i * stride, 4);
    std::memcpy(lanes, words, sizeof words);
}

CHAINRULE_INLINE void save(const Lanes* lanes, char* to, npy_intp stride, npy_intp n) {
    u32 words[kPack];
    std::memcpy(words, lanes, sizeof words);
    if (stride == sizeof(u32) && n == kPack)
        std::memcpy(to, words, sizeof words);
    else
        for (npy_intp i = 0; i < n; ++i) std::memcpy(to + i * stride, &words[i], 4);
}

CHAINRULE_VECTOR_CLONES
void threefry_loop(char** args, npy_intp const* dimensions, npy_intp const* steps,
                   void*) {
    for (npy_intp done = 0; done < dimensions[0]; done += kPack) {
        const npy_intp left = dimensions[0] - done;
        const npy_intp n = left < kPack ? left : kPack;
        PackKey<Lanes> key;
        Pack p;
        Lanes* inputs[] = {key.k0, key.k1, p.x0, p.x1};
        for (int i = 0; i < 4; ++i)
            load(inputs[i], args[i] + done * steps[i], steps[i], n);
        encrypt(p, key);
        save(p.x0, args[4] + done * steps[4], steps[4], n);
        save(p.x1, args[5] + done * steps[5], steps[5], n);
    }
}

const Loop threefry_loops[] = {threefry_loop};
const char threefry_types[] = {NPY_UINT32, NPY_UINT32, NPY_UINT32,
                               NPY_UINT32, NPY_UINT32, NPY_UINT32};
const UfuncSpec threefry_spec = {
    "threefry2x32",
    "threefry2x32(k0, k1, x0, x1) -> (y0, y1): one 20-round Threefry-2x32 block for\n"
    "each element. All arguments uint32, broadcast together, the keys too.",
    threefry_loops,
    threefry_types,
    1,
    4,
    2};

// --- functions of keys

/// The words of one key or of a batch of keys, as contiguous uint32 arrays of one
/// shape.
struct Keys {
    nb::object k0, k1;
    int ndim;
    npy_intp shape[NPY_MAXDIMS];
    npy_intp count;

    Keys(nb::handle first, nb::handle second, const char* op)
        : k0(words(first)), k1(words(second)) {
        PyArrayObject* a = array(k0);
        ndim = PyArray_NDIM(a);
        count = PyArray_SIZE(a);
        for (int i = 0; i < ndim; ++i) shape[i] = PyArray_DIM(a, i);
        if (!PyArray_SAMESHAPE(a, array(k1)) || ndim > NPY_MAXDIMS - 2) {
            std::string message = std::string(op) +
                                  ": the two words of the keys have "
                                  "different shapes; pass key[..., 0] and key[..., 1].";
            throw nb::value_error(message.c_str());
        }
    }
    u32 word0(npy_intp i) const { return data(k0)[i]; }
    u32 word1(npy_intp i) const { return data(k1)[i]; }

  private:
    static PyArrayObject* array(const nb::object& o) {
        return reinterpret_cast<PyArrayObject*>(o.ptr());
    }
    static const u32* data(const nb::object& o) {
        return static_cast<const u32*>(PyArray_DATA(array(o)));
    }
    static nb::object words(nb::handle value) {
        nb::object result;
        if (PyLong_Check(value.ptr())) {
            const u64 word = PyLong_AsUnsignedLongLong(value.ptr());
            if (PyErr_Occurred()) throw nb::python_error();
            if (word >> 32)
                throw nb::value_error("threefry: a key word needs 32 bits.");
            result = nb::steal(PyArray_SimpleNew(0, nullptr, NPY_UINT32));
            if (!result) throw nb::python_error();
            *static_cast<u32*>(PyArray_DATA(array(result))) = u32(word);
            return result;
        }
        result = nb::steal(PyArray_FROMANY(value.ptr(), NPY_UINT32, 0, NPY_MAXDIMS,
                                           NPY_ARRAY_CARRAY_RO));
        if (!result) throw nb::python_error();
        return result;
    }
};

/// A new array of shape keys.shape + tail.
nb::object allocate(const Keys& keys, int type, int tail_ndim, const npy_intp* tail) {
    npy_intp shape[NPY_MAXDIMS];
    for (int i = 0; i < keys.ndim; ++i) shape[i] = keys.shape[i];
    for (int i = 0; i < tail_ndim; ++i) shape[keys.ndim + i] = tail[i];
    nb::object out = nb::steal(PyArray_SimpleNew(keys.ndim + tail_ndim, shape, type));
    if (!out) throw nb::python_error();
    return out;
}

template <typename Out>
void fill_streams(const Keys& keys, u64 start, u64 n, nb::handle out) {
    auto* array = reinterpret_cast<PyArrayObject*>(out.ptr());
    Out* data = static_cast<Out*>(PyArray_DATA(array));
    nb::gil_scoped_release unlocked;
    for (npy_intp i = 0; i < keys.count; ++i)
        fill_stream(keys.word0(i), keys.word1(i), start, n, data + u64(i) * n);
}

nb::object threefry_bits(nb::handle k0, nb::handle k1, npy_intp n, int bit_width,
                         u64 start) {
    if (n < 0) throw nb::value_error("threefry_bits: n is negative; use n >= 0.");
    if (bit_width != 8 && bit_width != 16 && bit_width != 32 && bit_width != 64)
        throw nb::value_error(("threefry_bits: bit_width is " +
                               std::to_string(bit_width) + "; use 8, 16, 32 or 64.")
                                  .c_str());
    Keys keys(k0, k1, "threefry_bits");
    const int type = bit_width == 8    ? NPY_UINT8
                     : bit_width == 16 ? NPY_UINT16
                     : bit_width == 32 ? NPY_UINT32
                                       : NPY_UINT64;
    nb::object out = allocate(keys, type, 1, &n);
    if (bit_width == 8) fill_streams<std::uint8_t>(keys, start, n, out);
    if (bit_width == 16) fill_streams<std::uint16_t>(keys, start, n, out);
    if (bit_width == 32) fill_streams<u32>(keys, start, n, out);
    if (bit_width == 64) fill_streams<u64>(keys, start, n, out);
    return out;
}

nb::object threefry_split(nb::handle k0, nb::handle k1, npy_intp num) {
    if (num < 0)
        throw nb::value_error("threefry_split: num is negative; use num >= 0.");
    Keys keys(k0, k1, "threefry_split");
    const npy_intp tail[] = {num, 2};
    nb::object out = allocate(keys, NPY_UINT32, 2, tail);
    fill_streams<Key>(keys, 0, num, out);
    return out;
}

nb::object threefry_seed(nb::handle seed, bool x64) {
    const bool python_int = PyLong_Check(seed.ptr());
    nb::object number = nb::steal(PyNumber_Index(seed.ptr()));
    if (!number) throw nb::python_error();
    int overflow = 0;
    u64 bits = u64(PyLong_AsLongLongAndOverflow(number.ptr(), &overflow));
    if (overflow > 0 && !python_int) {  // np.uint64 above 2^63
        bits = PyLong_AsUnsignedLongLong(number.ptr());
        overflow = 0;
    }
    if (overflow) {
        PyErr_Format(PyExc_OverflowError,
                     "threefry_seed: the seed %S needs more than 64 "
                     "bits; use -2**63 <= seed < 2**63.",
                     number.ptr());
        throw nb::python_error();
    }
    if (PyErr_Occurred()) throw nb::python_error();
    const bool narrow = !python_int && nb::cast<npy_intp>(seed.attr("itemsize")) <= 4;
    const npy_intp two = 2;
    nb::object out = nb::steal(PyArray_SimpleNew(1, &two, NPY_UINT32));
    if (!out) throw nb::python_error();
    auto* words =
        static_cast<u32*>(PyArray_DATA(reinterpret_cast<PyArrayObject*>(out.ptr())));
    words[0] = x64 && !narrow ? u32(bits >> 32) : 0;
    words[1] = u32(bits);
    return out;
}

}  // namespace

void register_threefry(nb::module_& m) {
    add_ufunc(m, threefry_spec);
    m.def(
        "threefry_bits", threefry_bits, nb::arg("key0"), nb::arg("key1"), nb::arg("n"),
        nb::arg("bit_width"), nb::arg("start") = 0,
        "The elements [start, start + n) of the stream of bits of each key: an array\n"
        "of unsigned integers of shape key0.shape + (n,). The words of the keys are\n"
        "ints or equal-shape uint32 arrays. Element i is that of random bits of any\n"
        "shape with more than i elements, so parts can be filled by separate threads.");
    m.def("threefry_split", threefry_split, nb::arg("key0"), nb::arg("key1"),
          nb::arg("num"), "New keys, as uint32 words of shape key0.shape + (num, 2).");
    m.def("threefry_seed", threefry_seed, nb::arg("seed"), nb::arg("x64") = false,
          "The two words of the key of an integer seed; x64 says whether 64-bit types\n"
          "are enabled, without which the high word is 0.");
}

}  // namespace chainrule
