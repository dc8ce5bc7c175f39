// Fourier transforms (fft.h) as kernels.
//
// fft_<type>, ifft_<type> (complex to complex), rfft_<type> (real to complex),
// irfft_<type> (complex to real), <type> being that of the real numbers, f32 or f64.
// Buffers are the operand and the result; the integers before, points in, points out,
// after, where both have the shape (before, points, after); after is 1 for rfft and
// irfft. ifft and irfft divide by the number of points of the result. The extent is
// before * after.
#include "fft.h"
#include "kernels.h"

namespace chainrule::kernels {
namespace {

template <class T, fft::Kind kind, bool inverse>
void transform(void** buffers, const Int* ints, Int begin, Int end) {
    const Int points = kind == fft::Kind::kFromReal ? ints[1] : ints[2];
    const fft::Shape shape{ints[0], ints[1], ints[2], ints[3], points};
    fft::transform<T>(kind, inverse, shape, static_cast<const T*>(buffers[0]),
                      static_cast<T*>(buffers[1]), inverse ? T(1) / T(points) : T(1),
                      begin, end);
}

template <class T> void add_all(Names& names, const std::string& type) {
    names["fft_" + type] = transform<T, fft::Kind::kComplex, false>;
    names["ifft_" + type] = transform<T, fft::Kind::kComplex, true>;
    names["rfft_" + type] = transform<T, fft::Kind::kFromReal, false>;
    names["irfft_" + type] = transform<T, fft::Kind::kToReal, true>;
}

}  // namespace

void add_fft_kernels(Names& names) {
    add_all<float>(names, "f32");
    add_all<double>(names, "f64");
}

}  // namespace chainrule::kernels
