// Layout and linking of one object in memory: code and constants first, then the
// address slots of symbols, then, on pages of their own, writable data.
#include "object_loader.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include <sys/mman.h>
#include <unistd.h>

#include <new>
#include <utility>

#include "native.h"

namespace chainrule::object {

Pages::Pages(std::size_t size) : size_(size) {
    void* address =
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) throw std::bad_alloc();
    data_ = static_cast<std::uint8_t*>(address);
}

Pages::Pages(Pages&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

Pages& Pages::operator=(Pages&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

Pages::~Pages() {
    if (data_) munmap(data_, size_);
}

void Pages::protect(std::size_t size, bool execute) {
    __builtin___clear_cache(reinterpret_cast<char*>(data_),
                            reinterpret_cast<char*>(data_ + size));
    if (size && mprotect(data_, size, PROT_READ | (execute ? PROT_EXEC : 0)) != 0)
        throw std::runtime_error(
            "load_object: the system refuses to make memory executable; "
            "allow executable anonymous memory for this process.");
}

namespace {

#if defined(__x86_64__)
constexpr std::uint16_t host_machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t host_machine = EM_AARCH64;
#else
constexpr std::uint16_t host_machine = EM_NONE;
#endif

constexpr std::uint64_t kMaxBytes = std::uint64_t(1) << 28;
constexpr std::uint64_t kMaxAlignment = 4096;
constexpr std::uint64_t kAbsent = ~std::uint64_t(0);

/// A name as text, with bytes that are not printable ASCII written as \xNN.
std::string text_of(std::string_view name) {
    static const char digits[] = "0123456789abcdef";
    std::string text;
    for (unsigned char byte : name)
        if (byte >= ' ' && byte < 0x7f)
            text += char(byte);
        else
            text += std::string("\\x") + digits[byte >> 4] + digits[byte & 15];
    return text;
}

std::uint64_t round_up(std::uint64_t value, std::uint64_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

/// One load in progress.
class Loader {
  public:
    Loader(const ObjectFile& file, bool execute);
    Code run();

  private:
    void check_machine() const;
    bool is_loaded(std::size_t section) const;
    void place_sections(bool writable);
    void place_linkages();
    void copy_sections();
    void fill_linkages();
    void apply_relocations();
    void relocate_section(const Elf64_Shdr& relocations, std::uint64_t target);
    /// The address of a symbol; DamagedObject if it has none.
    std::uint64_t address_of(const Elf64_Sym& symbol) const;
    std::uint64_t external(const Elf64_Sym& symbol) const;
    void collect_addresses();
    Linkage* linkage(std::uint64_t symbol) const;

    const ObjectFile& file_;
    const bool execute_;
    Code code_;
    std::uint64_t size_ = 0;
    std::vector<std::uint64_t> section_offsets_;
    std::vector<std::uint64_t> linkage_offsets_;
};

Loader::Loader(const ObjectFile& file, bool execute)
    : file_(file),
      execute_(execute),
      section_offsets_(file.sections().size(), kAbsent),
      linkage_offsets_(file.symbols().size(), kAbsent) {}

void Loader::check_machine() const {
    if (!is_known_machine(file_.machine()) ||
        (execute_ && file_.machine() != host_machine))
        throw DamagedObject(
            "the object is for ELF machine " + std::to_string(file_.machine()) +
            ", this process runs machine " + std::to_string(host_machine) +
            "; compile for this processor.");
}

/// Unwind tables are left out: kernels do not throw.
bool Loader::is_loaded(std::size_t section) const {
    const Elf64_Shdr& header = file_.sections()[section];
    if (!(header.sh_flags & SHF_ALLOC) || header.sh_type == SHT_X86_64_UNWIND)
        return false;
    return file_.section_name(section) != ".eh_frame";
}

void Loader::place_sections(bool writable) {
    for (std::size_t i = 0; i < file_.sections().size(); ++i) {
        const Elf64_Shdr& header = file_.sections()[i];
        if (!is_loaded(i) || ((header.sh_flags & SHF_WRITE) != 0) != writable) continue;
        std::string name = text_of(file_.section_name(i));
        if (header.sh_flags & (SHF_TLS | SHF_COMPRESSED) ||
            (header.sh_type != SHT_PROGBITS && header.sh_type != SHT_NOBITS &&
             header.sh_type != SHT_NOTE))
            throw DamagedObject("section '" + name + "' has type " +
                                std::to_string(header.sh_type) + " and flags " +
                                std::to_string(header.sh_flags) +
                                ", which cannot be loaded; emit plain code and data.");
        std::uint64_t align = header.sh_addralign ? header.sh_addralign : 1;
        if (align & (align - 1) || align > kMaxAlignment)
            throw DamagedObject("section '" + name + "' is aligned to " +
                                std::to_string(align) + " bytes; a power of two up " +
                                "to " + std::to_string(kMaxAlignment) + " is needed.");
        size_ = round_up(size_, align);
        if (header.sh_size > kMaxBytes - size_)
            throw DamagedObject("section '" + name + "' has " +
                                std::to_string(header.sh_size) + " bytes; an object " +
                                "has " + std::to_string(kMaxBytes) + " at most.");
        section_offsets_[i] = size_;
        size_ += header.sh_size;
    }
}

void Loader::place_linkages() {
    size_ = round_up(size_, alignof(Linkage));
    for (std::size_t i = 0; i < file_.sections().size(); ++i) {
        const Elf64_Shdr& header = file_.sections()[i];
        if (header.sh_type != SHT_RELA || header.sh_info >= section_offsets_.size() ||
            !is_loaded(header.sh_info))
            continue;
        for (const Elf64_Rela& record : file_.relocations(header)) {
            std::uint64_t symbol = ELF64_R_SYM(record.r_info);
            bool wanted = file_.symbols()[symbol].st_shndx == SHN_UNDEF ||
                          needs_linkage(file_.machine(), ELF64_R_TYPE(record.r_info));
            if (!wanted || linkage_offsets_[symbol] != kAbsent) continue;
            linkage_offsets_[symbol] = size_;
            size_ += sizeof(Linkage);
        }
    }
    if (size_ > kMaxBytes)
        throw DamagedObject("the object needs " + std::to_string(size_) +
                            " bytes; an object has " + std::to_string(kMaxBytes) +
                            " at most.");
}

void Loader::copy_sections() {
    for (std::size_t i = 0; i < section_offsets_.size(); ++i) {
        const Elf64_Shdr& header = file_.sections()[i];
        if (section_offsets_[i] == kAbsent || header.sh_type == SHT_NOBITS) continue;
        std::string_view bytes = file_.contents(header);
        if (!bytes.empty())
            std::memcpy(code_.pages.data() + section_offsets_[i], bytes.data(),
                        bytes.size());
    }
}

Linkage* Loader::linkage(std::uint64_t symbol) const {
    std::uint64_t offset = linkage_offsets_[symbol];
    if (offset == kAbsent) return nullptr;
    return reinterpret_cast<Linkage*>(code_.pages.data() + offset);
}

void Loader::fill_linkages() {
    for (std::size_t i = 0; i < linkage_offsets_.size(); ++i)
        if (Linkage* entry = linkage(i)) {
            entry->address = address_of(file_.symbols()[i]);
            write_jump(file_.machine(), entry);
        }
}

std::uint64_t Loader::external(const Elf64_Sym& symbol) const {
    std::string_view name = file_.symbol_name(symbol);
    std::uint64_t address = external_address(name);
    if (!address)
        throw DamagedObject("the object needs the symbol '" + text_of(name) +
                            "', which the runtime does not offer; let the compiler " +
                            "generate it.");
    return address;
}

std::uint64_t Loader::address_of(const Elf64_Sym& symbol) const {
    if (symbol.st_shndx == SHN_UNDEF) return external(symbol);
    if (symbol.st_shndx == SHN_ABS) return symbol.st_value;
    if (symbol.st_shndx >= section_offsets_.size() ||
        section_offsets_[symbol.st_shndx] == kAbsent)
        throw DamagedObject("a symbol lies in section " +
                            std::to_string(symbol.st_shndx) +
                            ", which is not loaded; the bytes are damaged.");
    if (symbol.st_value > file_.sections()[symbol.st_shndx].sh_size)
        throw DamagedObject("a symbol lies at " + std::to_string(symbol.st_value) +
                            " of section " + std::to_string(symbol.st_shndx) +
                            ", beyond its end; the bytes are damaged.");
    return reinterpret_cast<std::uintptr_t>(code_.pages.data()) +
           section_offsets_[symbol.st_shndx] + symbol.st_value;
}

void Loader::relocate_section(const Elf64_Shdr& relocations, std::uint64_t target) {
    std::uint64_t size = file_.sections()[target].sh_size;
    std::uint8_t* base = code_.pages.data() + section_offsets_[target];
    for (const Elf64_Rela& record : file_.relocations(relocations)) {
        if (record.r_offset > size)
            throw DamagedObject("a relocation lies at " +
                                std::to_string(record.r_offset) + " of section " +
                                std::to_string(target) +
                                ", beyond its end; the bytes are damaged.");
        std::uint32_t type = ELF64_R_TYPE(record.r_info);
        if (type == R_X86_64_NONE) continue;  // 0 for every machine
        std::uint64_t index = ELF64_R_SYM(record.r_info);
        const Elf64_Sym& symbol = file_.symbols()[index];
        relocate(file_.machine(), type,
                 {base + record.r_offset, size - record.r_offset, address_of(symbol),
                  record.r_addend, linkage(index), symbol.st_shndx == SHN_UNDEF});
    }
}

void Loader::apply_relocations() {
    for (const Elf64_Shdr& header : file_.sections()) {
        if (header.sh_type != SHT_RELA && header.sh_type != SHT_REL) continue;
        bool known = header.sh_info < section_offsets_.size();
        if (known && section_offsets_[header.sh_info] == kAbsent) continue;
        if (!known || header.sh_type == SHT_REL)
            throw DamagedObject("relocations of type " +
                                std::to_string(header.sh_type) + " for section " +
                                std::to_string(header.sh_info) +
                                "; those with addends (type 4) are needed.");
        relocate_section(header, header.sh_info);
    }
}

void Loader::collect_addresses() {
    for (const Elf64_Sym& symbol : file_.symbols()) {
        int type = ELF64_ST_TYPE(symbol.st_info);
        bool named = type == STT_FUNC || type == STT_OBJECT || type == STT_NOTYPE;
        if (!named || !symbol.st_name || symbol.st_shndx == SHN_UNDEF ||
            symbol.st_shndx >= section_offsets_.size() ||
            section_offsets_[symbol.st_shndx] == kAbsent)
            continue;
        code_.addresses.emplace(text_of(file_.symbol_name(symbol)), address_of(symbol));
    }
}

Code Loader::run() {
    check_machine();
    std::uint64_t page = std::uint64_t(sysconf(_SC_PAGESIZE));
    place_sections(false);
    place_linkages();
    size_ = round_up(size_, page);
    code_.protected_size = size_;
    place_sections(true);
    code_.pages = Pages(round_up(size_ ? size_ : 1, page));
    copy_sections();
    fill_linkages();
    apply_relocations();
    collect_addresses();
    code_.pages.protect(code_.protected_size, execute_);
    return std::move(code_);
}

}  // namespace

Code load(std::string_view bytes, bool execute) {
    ObjectFile file(bytes);
    return Loader(file, execute).run();
}

namespace {

std::uintptr_t address_in(const Code& code, const std::string& name) {
    auto found = code.addresses.find(name);
    if (found != code.addresses.end()) return found->second;
    std::string known;
    for (const auto& entry : code.addresses)
        known += (known.empty() ? "" : ", ") + entry.first;
    throw DamagedObject("there is no symbol '" + name + "' in the object; it has " +
                        (known.empty() ? "none" : known) + ".");
}

Code load_bytes(nb::bytes data, bool execute) {
    std::string_view bytes(data.c_str(), data.size());
    nb::gil_scoped_release release;
    return load(bytes, execute);
}

nb::bytes image(const Code& code) {
    return nb::bytes(reinterpret_cast<const char*>(code.pages.data()),
                     code.pages.size());
}

std::vector<std::string> names(const Code& code) {
    std::vector<std::string> result;
    for (const auto& entry : code.addresses) result.push_back(entry.first);
    return result;
}

}  // namespace
}  // namespace chainrule::object

namespace chainrule {
void register_object_loader(nb::module_& m) {
    using object::Code;
    nb::class_<Code>(m, "Code", "A loaded object; its memory lives as long as this.")
        .def("address", &object::address_in, nb::arg("name"),
             "Address of a function or datum of the object; ValueError if it has none "
             "of that name.")
        .def_prop_ro("names", &object::names, "Names of what the object defines.")
        .def_prop_ro("image", &object::image, "The bytes in memory, relocated.")
        .def_prop_ro(
            "base",
            [](const Code& code) {
                return reinterpret_cast<std::uintptr_t>(code.pages.data());
            },
            "Address of the first byte of the image.")
        .def_prop_ro(
            "nbytes", [](const Code& code) { return code.pages.size(); },
            "Bytes of memory that the object takes.");
    m.def("load_object", &object::load_bytes, nb::arg("data"),
          nb::arg("execute") = true,
          "Load an ELF64 relocatable object, as LLVM's emit_object gives it, into\n"
          "memory. With execute=False the code is laid out and relocated but not\n"
          "executable, and may be for another machine. ValueError for bytes that are\n"
          "damaged or need a symbol that the runtime does not offer.");
}
}  // namespace chainrule
