// The table of kernels by name.
#include "kernels.h"

namespace chainrule::kernels {
namespace {

Names all_names() {
    Names names;
    add_sort_kernels(names);
    add_complex_sort_kernels(names);
    add_order_kernels(names);
    add_top_k_kernels(names);
    add_deal_kernels(names);
    add_scan_kernels(names);
    add_scatter_kernels(names);
    add_random_kernels(names);
    add_fft_kernels(names);
    return names;
}

Names names_of_linalg() {
    Names names;
    add_linalg_kernels(names);
    add_linalg_function_kernels(names);
    return names;
}

Names names_of_ragged() {
    Names names;
    add_ragged_kernels(names);
    return names;
}

threads::Kernel find_among(const Names& names, const std::string& name) {
    auto found = names.find(name);
    return found == names.end() ? nullptr : found->second;
}

}  // namespace

threads::Kernel find(const std::string& name) {
    static const Names names = all_names();
    return find_among(names, name);
}

threads::Kernel find_linalg(const std::string& name) {
    static const Names names = names_of_linalg();
    return find_among(names, name);
}

threads::Kernel find_ragged(const std::string& name) {
    static const Names names = names_of_ragged();
    return find_among(names, name);
}

}  // namespace chainrule::kernels
