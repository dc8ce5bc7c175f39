#include "native.h"

namespace chainrule {
void register_special(nb::module_&) {}
}  // namespace chainrule
