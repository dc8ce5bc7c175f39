// QR factors of small matrices for the vectors that the processor has.
#define CHAINRULE_LANES "small_qr_lanes.h"
#include "each_vectors.h"

namespace chainrule::small {

template <class T>
void qr_reflections(Int m, Int n, Int width, Int count, const T* a, T* columns, T* scales,
                    T* r) {
    CHAINRULE_OF_THE_PROCESSOR(
        reflections_all<T>(m, n, width, count, a, columns, scales, r));
}

template <class T>
void qr_basis(Int m, Int n, Int width, Int count, const T* columns, const T* scales, T* q) {
    CHAINRULE_OF_THE_PROCESSOR(basis_all<T>(m, n, width, count, columns, scales, q));
}

#define CHAINRULE_SMALL_QR(T)                                                       \
    template void qr_reflections(Int, Int, Int, Int, const T*, T*, T*, T*);         \
    template void qr_basis(Int, Int, Int, Int, const T*, const T*, T*);
CHAINRULE_SMALL_QR(float)
CHAINRULE_SMALL_QR(double)
#undef CHAINRULE_SMALL_QR

}  // namespace chainrule::small
