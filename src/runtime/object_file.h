/// Reading ELF64 relocatable objects, with every offset and size in them checked: a
/// damaged file raises ValueError and is never followed outside of its own bytes.
#pragma once
#include <elf.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace chainrule::object {

/// ValueError for Python: `load_object: ` and the text.
class DamagedObject : public std::invalid_argument {
  public:
    explicit DamagedObject(const std::string& text)
        : std::invalid_argument("load_object: " + text) {}
};

/// A view of an object file; the bytes must outlive it.
class ObjectFile {
  public:
    /// Reads the headers and the symbol table; DamagedObject where they make no sense.
    explicit ObjectFile(std::string_view bytes);

    std::uint16_t machine() const { return header_.e_machine; }
    const std::vector<Elf64_Shdr>& sections() const { return sections_; }
    const std::vector<Elf64_Sym>& symbols() const { return symbols_; }
    /// The name of section `index` (in range).
    std::string_view section_name(std::size_t index) const;
    /// The name of a symbol.
    std::string_view symbol_name(const Elf64_Sym& symbol) const;
    /// The bytes of a section that has some in the file (not SHT_NOBITS).
    std::string_view contents(const Elf64_Shdr& section) const;
    /// The entries of a section of type SHT_RELA; their symbols are in range.
    std::vector<Elf64_Rela> relocations(const Elf64_Shdr& section) const;

  private:
    void read_header();
    void read_sections();
    void read_symbols();
    /// The `size` bytes from `offset`; `what` names them in the error.
    std::string_view range(std::uint64_t offset, std::uint64_t size,
                           const char* what) const;
    /// The records that fill a table section.
    template <class Record>
    std::vector<Record> table(const Elf64_Shdr& section, const char* what) const;
    /// The section `index`, which must be a string table.
    std::string_view strings(std::uint64_t index, const char* what) const;

    std::string_view bytes_;
    Elf64_Ehdr header_;
    std::vector<Elf64_Shdr> sections_;
    std::size_t symbol_section_ = 0;  // 0: the file has no symbol table
    std::vector<Elf64_Sym> symbols_;
    std::string_view section_names_;
    std::string_view symbol_names_;
};

}  // namespace chainrule::object
