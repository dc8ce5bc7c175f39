/// Quick code without LLVM: the machine code of a kernel's text, instruction by
/// instruction, in a fraction of a millisecond. It serves a program's first calls, and
/// computes the bits that LLVM's code computes: the text decides every rounding.
///
/// For x86-64 processors with AVX-512, and texts that `quick_module.h` reads; others are
/// LLVM's from the first call on.
#pragma once
#include "object_loader.h"

namespace chainrule::quick {

/// Whether this processor is one of them, and CHAINRULE_QUICK_CODE is not 0.
bool is_in_use();

/// The code of a module, with the address of its function `name`; false if it is left to
/// LLVM. With `reason`, why.
bool assemble(const std::string& text, const std::string& name, object::Code* code,
              std::string* reason = nullptr);

}  // namespace chainrule::quick
