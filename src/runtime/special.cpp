// Registers the special functions, a family after the other.
#include "special.h"

namespace chainrule {

void register_special(nb::module_& m) {
    special::register_gamma(m);
    special::register_error(m);
    special::register_elementary(m);
    special::register_incomplete(m);
    special::register_beta(m);
    special::register_bessel(m);
    special::register_integrals(m);
}

}  // namespace chainrule
