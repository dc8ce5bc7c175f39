/// LLVM, out of llvmlite's shared library, called by address: a module's text becomes
/// an object without Python, its locks or llvmlite's own. Several threads may compile
/// at once, each call with a context and a target machine of its own.
#pragma once
#include <string>

namespace chainrule::llvm {

/// How much LLVM does for the code's speed. The values that code computes are the same.
enum class Effort { kQuick = 0, kBest = 2 };

/// Where the library is; it is loaded by the first compilation.
void set_path(const std::string& path);

/// The relocatable object of a module for this processor. std::runtime_error if LLVM
/// does not accept the text, or if its library cannot be used.
std::string compile(const std::string& text, Effort effort);

}  // namespace chainrule::llvm
