/// The library's routines by name, as templates of the element type.
#pragma once
#include "lapack.h"

namespace chainrule::lapack {

/// LAPACK's routines for T, each looked up once. The library has to be open.
namespace fortran {
#define CHAINRULE_ROUTINE(suffix, ...)                                        \
    template <class T> const Routine& suffix() {                              \
        static const Routine found = routine<T>(#suffix, ##__VA_ARGS__);      \
        return found;                                                         \
    }
CHAINRULE_ROUTINE(potrf)
CHAINRULE_ROUTINE(syrk, "herk")
CHAINRULE_ROUTINE(trsm)
CHAINRULE_ROUTINE(trsv)
CHAINRULE_ROUTINE(getrf)
CHAINRULE_ROUTINE(geqrf)
CHAINRULE_ROUTINE(orgqr, "ungqr")
CHAINRULE_ROUTINE(syevd, "heevd")
CHAINRULE_ROUTINE(gesdd)
CHAINRULE_ROUTINE(gesvd)
CHAINRULE_ROUTINE(gtsv)
CHAINRULE_ROUTINE(gemm)
CHAINRULE_ROUTINE(geqp3)
CHAINRULE_ROUTINE(ormqr, "unmqr")
CHAINRULE_ROUTINE(gehrd)
CHAINRULE_ROUTINE(sytrd, "hetrd")
CHAINRULE_ROUTINE(geev)
CHAINRULE_ROUTINE(gees)
CHAINRULE_ROUTINE(trsyl)
#undef CHAINRULE_ROUTINE
}  // namespace fortran

}  // namespace chainrule::lapack
