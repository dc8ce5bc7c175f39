// The table of kernels by name.
#include "kernels.h"

namespace chainrule::kernels {
namespace {

Names all_names() {
    Names names;
    add_sort_kernels(names);
    add_order_kernels(names);
    add_top_k_kernels(names);
    add_scan_kernels(names);
    add_random_kernels(names);
    return names;
}

}  // namespace

threads::Kernel find(const std::string& name) {
    static const Names names = all_names();
    auto found = names.find(name);
    return found == names.end() ? nullptr : found->second;
}

}  // namespace chainrule::kernels
