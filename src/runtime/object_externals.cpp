// What loaded code may call: memory functions, the mathematical functions of the C
// library, and what LLVM calls for 128-bit division and, on x86-64, for narrow floats.
// Nothing else is found: names in an object are never looked up in the process.
#include <cmath>
#include <cstring>

#include "object_loader.h"

extern "C" {
__int128 __divti3(__int128, __int128);
__int128 __modti3(__int128, __int128);
unsigned __int128 __udivti3(unsigned __int128, unsigned __int128);
unsigned __int128 __umodti3(unsigned __int128, unsigned __int128);
}

namespace chainrule::object {
namespace {

using Table = std::map<std::string_view, std::uintptr_t>;

template <class Result, class... Arguments>
std::uintptr_t address_of(Result (*function)(Arguments...)) {
    return reinterpret_cast<std::uintptr_t>(function);
}

template <class Real>
using Unary = Real (*)(Real);
template <class Real>
using Binary = Real (*)(Real, Real);
template <class Real>
using Ternary = Real (*)(Real, Real, Real);
template <class Real>
using Scaling = Real (*)(Real, int);

void add_unary(Table& table) {
#define CHAINRULE_ADD(name)                                        \
    table[#name] = address_of(static_cast<Unary<double>>(::name)); \
    table[#name "f"] = address_of(static_cast<Unary<float>>(::name##f));
    CHAINRULE_ADD(acos)
    CHAINRULE_ADD(acosh)
    CHAINRULE_ADD(asin)
    CHAINRULE_ADD(asinh)
    CHAINRULE_ADD(atan)
    CHAINRULE_ADD(atanh)
    CHAINRULE_ADD(cbrt)
    CHAINRULE_ADD(ceil)
    CHAINRULE_ADD(cos)
    CHAINRULE_ADD(cosh)
    CHAINRULE_ADD(erf)
    CHAINRULE_ADD(erfc)
    CHAINRULE_ADD(exp)
    CHAINRULE_ADD(exp2)
    CHAINRULE_ADD(expm1)
    CHAINRULE_ADD(fabs)
    CHAINRULE_ADD(floor)
    CHAINRULE_ADD(lgamma)
    CHAINRULE_ADD(log)
    CHAINRULE_ADD(log10)
    CHAINRULE_ADD(log1p)
    CHAINRULE_ADD(log2)
    CHAINRULE_ADD(logb)
    CHAINRULE_ADD(nearbyint)
    CHAINRULE_ADD(rint)
    CHAINRULE_ADD(round)
    CHAINRULE_ADD(sin)
    CHAINRULE_ADD(sinh)
    CHAINRULE_ADD(sqrt)
    CHAINRULE_ADD(tan)
    CHAINRULE_ADD(tanh)
    CHAINRULE_ADD(tgamma)
    CHAINRULE_ADD(trunc)
#undef CHAINRULE_ADD
    table["roundeven"] = table["rint"];  // equal in the default rounding mode
    table["roundevenf"] = table["rintf"];
}

void add_others(Table& table) {
#define CHAINRULE_ADD(name, kind)                                 \
    table[#name] = address_of(static_cast<kind<double>>(::name)); \
    table[#name "f"] = address_of(static_cast<kind<float>>(::name##f));
    CHAINRULE_ADD(atan2, Binary)
    CHAINRULE_ADD(copysign, Binary)
    CHAINRULE_ADD(fdim, Binary)
    CHAINRULE_ADD(fmax, Binary)
    CHAINRULE_ADD(fmin, Binary)
    CHAINRULE_ADD(fmod, Binary)
    CHAINRULE_ADD(hypot, Binary)
    CHAINRULE_ADD(nextafter, Binary)
    CHAINRULE_ADD(pow, Binary)
    CHAINRULE_ADD(remainder, Binary)
    CHAINRULE_ADD(fma, Ternary)
    CHAINRULE_ADD(ldexp, Scaling)
    CHAINRULE_ADD(scalbn, Scaling)
#undef CHAINRULE_ADD
    table["sincos"] =
        address_of(static_cast<void (*)(double, double*, double*)>(::sincos));
    table["sincosf"] =
        address_of(static_cast<void (*)(float, float*, float*)>(::sincosf));
}

void add_support(Table& table) {
    table["memcpy"] =
        address_of(static_cast<void* (*)(void*, const void*, size_t)>(std::memcpy));
    table["memmove"] =
        address_of(static_cast<void* (*)(void*, const void*, size_t)>(std::memmove));
    table["memset"] =
        address_of(static_cast<void* (*)(void*, int, size_t)>(std::memset));
    table["memcmp"] =
        address_of(static_cast<int (*)(const void*, const void*, size_t)>(std::memcmp));
    table["__divti3"] = address_of(__divti3);
    table["__modti3"] = address_of(__modti3);
    table["__udivti3"] = address_of(__udivti3);
    table["__umodti3"] = address_of(__umodti3);
}

#if defined(__x86_64__) && defined(__FLT16_MANT_DIG__)
using Half = _Float16;  // bfloat16 travels in the same register

Half half_of_bits(std::uint16_t bits) {
    Half half;
    std::memcpy(&half, &bits, sizeof half);
    return half;
}

/// Rounds to nearest, ties to even.
Half bfloat16_of_float(float x) {
    std::uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    if (x != x) return half_of_bits(std::uint16_t(bits >> 16 | 0x40));
    return half_of_bits(std::uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16));
}

/// By way of a float rounded to odd, so that nothing is rounded twice.
Half bfloat16_of_double(double x) {
    auto nearest = static_cast<float>(x);
    std::uint32_t bits;
    std::memcpy(&bits, &nearest, sizeof bits);
    if (x == x && double(nearest) != x) {
        if (std::fabs(double(nearest)) > std::fabs(x)) --bits;
        bits |= 1;
    }
    std::memcpy(&nearest, &bits, sizeof bits);
    return bfloat16_of_float(nearest);
}

Half half_of_float(float x) { return static_cast<Half>(x); }
Half half_of_double(double x) { return static_cast<Half>(x); }
float float_of_half(Half x) { return static_cast<float>(x); }

void add_narrow_floats(Table& table) {
    table["__truncsfbf2"] = address_of(bfloat16_of_float);
    table["__truncdfbf2"] = address_of(bfloat16_of_double);
    table["__truncsfhf2"] = address_of(half_of_float);
    table["__truncdfhf2"] = address_of(half_of_double);
    table["__extendhfsf2"] = address_of(float_of_half);
}
#else
void add_narrow_floats(Table&) {}
#endif

Table make_table() {
    Table table;
    add_narrow_floats(table);
    add_unary(table);
    add_others(table);
    add_support(table);
    return table;
}

}  // namespace

std::uintptr_t external_address(std::string_view name) {
    static const Table table = make_table();
    auto found = table.find(name);
    return found == table.end() ? 0 : found->second;
}

}  // namespace chainrule::object
