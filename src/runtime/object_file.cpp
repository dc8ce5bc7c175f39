// The reader of ELF64 relocatable objects (System V ABI, chapter 4, "Object Files").
// Records are copied out of the bytes, which need no alignment.
#include "object_file.h"

namespace chainrule::object {
namespace {

template <class Record>
Record record_at(std::string_view bytes, std::size_t offset) {
    Record record;
    std::memcpy(&record, bytes.data() + offset, sizeof record);
    return record;
}

/// The zero-terminated string at `offset` of a string table.
std::string_view string_at(std::string_view table, std::uint64_t offset,
                           const char* what) {
    std::size_t end =
        offset < table.size() ? table.find('\0', offset) : std::string_view::npos;
    if (end == std::string_view::npos)
        throw DamagedObject(std::string("the name of a ") + what + " at offset " +
                            std::to_string(offset) +
                            " is not inside of its string table; the bytes are "
                            "damaged.");
    return table.substr(offset, end - offset);
}

}  // namespace

ObjectFile::ObjectFile(std::string_view bytes) : bytes_(bytes) {
    read_header();
    read_sections();
    read_symbols();
}

std::string_view ObjectFile::range(std::uint64_t offset, std::uint64_t size,
                                   const char* what) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset)
        throw DamagedObject(std::string(what) + ": bytes " + std::to_string(offset) +
                            " to +" + std::to_string(size) + " of a file of " +
                            std::to_string(bytes_.size()) +
                            "; the bytes are damaged or cut off.");
    return bytes_.substr(offset, size);
}

template <class Record>
std::vector<Record> ObjectFile::table(const Elf64_Shdr& section,
                                      const char* what) const {
    if (section.sh_entsize != sizeof(Record) || section.sh_size % sizeof(Record) != 0)
        throw DamagedObject(
            std::string(what) + ": entries of " + std::to_string(section.sh_entsize) +
            " bytes, " + std::to_string(section.sh_size) + " bytes together; " +
            std::to_string(sizeof(Record)) + " bytes an entry are needed.");
    std::string_view bytes = range(section.sh_offset, section.sh_size, what);
    std::vector<Record> records(bytes.size() / sizeof(Record));
    for (std::size_t i = 0; i < records.size(); ++i)
        records[i] = record_at<Record>(bytes, i * sizeof(Record));
    return records;
}

void ObjectFile::read_header() {
    header_ = record_at<Elf64_Ehdr>(range(0, sizeof header_, "the header"), 0);
    if (std::memcmp(header_.e_ident, ELFMAG, SELFMAG) != 0)
        throw DamagedObject("the bytes are no ELF file; pass what emit_object gave.");
    if (header_.e_ident[EI_CLASS] != ELFCLASS64 ||
        header_.e_ident[EI_DATA] != ELFDATA2LSB)
        throw DamagedObject(
            "the file is not ELF64 in little-endian order; compile for "
            "a 64-bit little-endian target.");
    if (header_.e_type != ET_REL)
        throw DamagedObject("the file has ELF type " + std::to_string(header_.e_type) +
                            "; a relocatable object (type 1) is needed.");
    if (header_.e_shentsize != sizeof(Elf64_Shdr))
        throw DamagedObject("section headers of " +
                            std::to_string(header_.e_shentsize) + " bytes; " +
                            std::to_string(sizeof(Elf64_Shdr)) + " are needed.");
}

void ObjectFile::read_sections() {
    std::string_view bytes =
        range(header_.e_shoff, std::uint64_t(header_.e_shnum) * sizeof(Elf64_Shdr),
              "the section headers");
    for (std::size_t i = 0; i < header_.e_shnum; ++i)
        sections_.push_back(record_at<Elf64_Shdr>(bytes, i * sizeof(Elf64_Shdr)));
    section_names_ = strings(header_.e_shstrndx, "the names of the sections");
}

void ObjectFile::read_symbols() {
    for (std::size_t i = 0; i < sections_.size(); ++i) {
        if (sections_[i].sh_type != SHT_SYMTAB) continue;
        if (symbol_section_)
            throw DamagedObject("two symbol tables; the bytes are damaged.");
        symbol_section_ = i;
        symbols_ = table<Elf64_Sym>(sections_[i], "the symbol table");
        symbol_names_ = strings(sections_[i].sh_link, "the names of the symbols");
    }
}

std::string_view ObjectFile::strings(std::uint64_t index, const char* what) const {
    if (index >= sections_.size() || sections_[index].sh_type != SHT_STRTAB)
        throw DamagedObject(std::string(what) + " are in section " +
                            std::to_string(index) +
                            ", which is no string table; the bytes are damaged.");
    return range(sections_[index].sh_offset, sections_[index].sh_size, what);
}

std::string_view ObjectFile::section_name(std::size_t index) const {
    return string_at(section_names_, sections_[index].sh_name, "section");
}

std::string_view ObjectFile::symbol_name(const Elf64_Sym& symbol) const {
    return string_at(symbol_names_, symbol.st_name, "symbol");
}

std::string_view ObjectFile::contents(const Elf64_Shdr& section) const {
    return range(section.sh_offset, section.sh_size, "a section");
}

std::vector<Elf64_Rela> ObjectFile::relocations(const Elf64_Shdr& section) const {
    if (section.sh_link != symbol_section_ || !symbol_section_)
        throw DamagedObject("relocations refer to the symbols of section " +
                            std::to_string(section.sh_link) +
                            ", which is no symbol table; the bytes are damaged.");
    auto records = table<Elf64_Rela>(section, "the relocations");
    for (const Elf64_Rela& record : records)
        if (ELF64_R_SYM(record.r_info) >= symbols_.size())
            throw DamagedObject("a relocation refers to symbol " +
                                std::to_string(ELF64_R_SYM(record.r_info)) + " of " +
                                std::to_string(symbols_.size()) +
                                "; the bytes are damaged.");
    return records;
}

}  // namespace chainrule::object
