/// Machine code from LLVM made runnable: a relocatable object is laid out in memory,
/// its relocations applied, and its code pages made executable (never writable at the
/// same time). Files are read by object_file.h; relocation arithmetic is in
/// object_relocations.cpp, what code may call in object_externals.cpp.
#pragma once
#include <map>

#include "object_file.h"

namespace chainrule::object {

/// Pages of memory from the system, given back at the end.
class Pages {
  public:
    Pages() = default;
    /// `size` zero bytes, readable and writable; std::bad_alloc where there are none.
    explicit Pages(std::size_t size);
    Pages(Pages&& other) noexcept;
    Pages& operator=(Pages&& other) noexcept;
    ~Pages();
    /// Makes the first `size` bytes read-only, or executable.
    void protect(std::size_t size, bool execute);
    std::uint8_t* data() const { return data_; }
    std::size_t size() const { return size_; }

  private:
    std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
};

/// A loaded object: its memory and the addresses of what it defines.
struct Code {
    Pages pages;
    std::size_t protected_size = 0;  // code and constants; after them writable data
    std::map<std::string, std::uintptr_t, std::less<>> addresses;
};

/// Loads an object. With `execute` its machine must be this one and its code becomes
/// executable; without, any known machine will do and the code stays read-only.
/// DamagedObject for bytes that make no sense or need what is not there.
Code load(std::string_view bytes, bool execute);

/// The address of a function of the C library that loaded code may call, else 0.
std::uintptr_t external_address(std::string_view name);

/// Address slot and jump to it for one symbol, within reach of the object's code.
struct Linkage {
    std::uint64_t address;
    std::uint8_t jump[16];
    std::uint64_t unused;
};

/// What a relocation is applied to and with.
struct Fixup {
    std::uint8_t* place;      // the bytes to change
    std::uint64_t available;  // how many of them belong to the section
    std::uint64_t target;     // the value of the symbol
    std::int64_t addend;
    const Linkage* linkage;  // of the symbol, nullptr if it has none
    bool external;           // the symbol is outside of the object
};

/// Whether relocations of this type go through the symbol's address slot.
bool needs_linkage(std::uint16_t machine, std::uint32_t type);
/// Writes the jump through `linkage->address`.
void write_jump(std::uint16_t machine, Linkage* linkage);
/// Applies one relocation; DamagedObject if it is unknown or its value does not fit.
void relocate(std::uint16_t machine, std::uint32_t type, const Fixup& fixup);
/// Whether `machine` is one whose relocations are known.
bool is_known_machine(std::uint16_t machine);

}  // namespace chainrule::object
