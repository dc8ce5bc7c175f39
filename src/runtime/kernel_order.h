/// Unsigned integers that order as numbers do: the image of a number under an order.
///
/// NaN lies behind everything, -0 and 0 are equal, as are all NaNs. An order has the
/// unsigned type `Bits` of an element in memory, `image` and `restore`; `is_special`
/// says which elements their image does not tell apart.
#pragma once
#include "kernels.h"

#include <type_traits>

namespace chainrule::kernels {

template <class B> struct UnsignedOrder {
    using Bits = B;
    static constexpr bool has_special = false;
    static Bits image(Bits x) { return x; }
    static Bits restore(Bits image) { return image; }
    static bool is_special(Bits) { return false; }
};

template <class B> constexpr B sign_bit = B(B(1) << (8 * sizeof(B) - 1));

template <class B> struct SignedOrder {
    using Bits = B;
    static constexpr bool has_special = false;
    static Bits image(Bits x) { return Bits(x ^ sign_bit<B>); }
    static Bits restore(Bits image) { return Bits(image ^ sign_bit<B>); }
    static bool is_special(Bits) { return false; }
};

/// IEEE numbers whose positive infinity has the bits kInfinity.
template <class B, B kInfinity> class FloatOrder {
  public:
    using Bits = B;
    static constexpr bool has_special = true;
    static constexpr Bits zero = sign_bit<B>;  // the image of 0
    static constexpr Bits nan = Bits(~Bits(0));
    static Bits magnitude(Bits x) { return Bits(x & Bits(~sign_bit<B>)); }
    static bool is_nan(Bits x) { return Signed(magnitude(x)) > Signed(kInfinity); }
    static bool is_zero(Bits x) { return magnitude(x) == 0; }
    static bool is_special(Bits x) { return x == sign_bit<B> || is_nan(x); }
    static Bits image(Bits x) {
        const Bits number = x == sign_bit<B> ? Bits(0) : x;
        const Bits turned = Bits(number ^ (signs(number) | sign_bit<B>));
        return is_nan(x) ? nan : turned;
    }
    static Bits restore(Bits image) {
        return Bits(image ^ (Bits(~signs(image)) | sign_bit<B>));
    }

  private:
    using Signed = std::make_signed_t<B>;
    /// All ones where the sign bit is set: arithmetic that short vectors have.
    static Bits signs(Bits x) { return Bits(Signed(x) >> (8 * sizeof(B) - 1)); }
};

/// Calls add(name, order) for every element type; the name is that of the loop IR.
template <class Add> void for_each_order(Add add) {
    add("bool", UnsignedOrder<u8>());
    add("u8", UnsignedOrder<u8>());
    add("u16", UnsignedOrder<u16>());
    add("u32", UnsignedOrder<u32>());
    add("u64", UnsignedOrder<u64>());
    add("i8", SignedOrder<u8>());
    add("i16", SignedOrder<u16>());
    add("i32", SignedOrder<u32>());
    add("i64", SignedOrder<u64>());
    add("f16", FloatOrder<u16, 0x7c00>());
    add("bf16", FloatOrder<u16, 0x7f80>());
    add("f32", FloatOrder<u32, 0x7f800000>());
    add("f64", FloatOrder<u64, 0x7ff0000000000000>());
}

}  // namespace chainrule::kernels
