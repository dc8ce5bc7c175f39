// llvmlite's C functions, found by name once. Their signatures are those of llvmlite
// 0.45 to 0.50 (LLVM 20 to 22); a library of another LLVM is refused.
#include "llvm_library.h"

#include <dlfcn.h>

#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace chainrule::llvm {
namespace {

using Opaque = void*;

constexpr unsigned kOldest = 20;
constexpr unsigned kNewest = 22;

[[noreturn]] void fail(const std::string& text) {
    throw std::runtime_error("LLVM: " + text);
}

/// The functions of the library, and what they say of this processor.
class Library {
  public:
    explicit Library(const std::string& path);

    unsigned (*version)();
    void (*initialize_target)();
    void (*initialize_printer)();
    void (*default_triple)(const char**);
    void (*host_cpu)(const char**);
    int (*host_features)(const char**);
    Opaque (*target_of_triple)(const char*, const char**);
    Opaque (*create_machine)(Opaque target, const char* triple, const char* cpu,
                             const char* features, int effort, const char* reloc,
                             const char* code_model, int print, int jit,
                             const char* abi);
    Opaque (*create_context)();
    void (*dispose_context)(Opaque);
    Opaque (*parse)(Opaque context, const char* text, const char** error);
    void (*dispose_module)(Opaque);
    Opaque (*create_tuning)();
    void (*dispose_tuning)(Opaque);
    Opaque (*create_builder)(Opaque machine, Opaque tuning);
    void (*dispose_builder)(Opaque);
    Opaque (*create_passes)();
    void (*dispose_passes)(Opaque);
    void (*add_inliner)(Opaque passes);
    void (*run_passes)(Opaque passes, Opaque module, Opaque builder);
    Opaque (*emit)(Opaque machine, Opaque module, int object, const char** error);
    const char* (*buffer_start)(Opaque);
    std::size_t (*buffer_size)(Opaque);
    void (*dispose_buffer)(Opaque);
    void (*dispose_string)(const char*);

    std::string triple, cpu, features;
    Opaque target = nullptr;

    /// A string that the library made, copied and given back.
    std::string taken(const char* text) const {
        std::string copy(text ? text : "");
        if (text) dispose_string(text);
        return copy;
    }

  private:
    template <class Function>
    void find(Function& function, const char* name);
    void find_all();

    void* handle_;
};

template <class Function>
void Library::find(Function& function, const char* name) {
    void* address = dlsym(handle_, (std::string("LLVMPY_") + name).c_str());
    if (!address)
        fail(std::string("llvmlite's library lacks LLVMPY_") + name +
             "; install llvmlite 0.45 to 0.50.");
    function = reinterpret_cast<Function>(address);
}

void Library::find_all() {
    find(version, "GetVersionInfo");
    find(initialize_target, "InitializeNativeTarget");
    find(initialize_printer, "InitializeNativeAsmPrinter");
    find(default_triple, "GetDefaultTargetTriple");
    find(host_cpu, "GetHostCPUName");
    find(host_features, "GetHostCPUFeatures");
    find(target_of_triple, "GetTargetFromTriple");
    find(create_machine, "CreateTargetMachine");
    find(create_context, "ContextCreate");
    find(dispose_context, "ContextDispose");
    find(parse, "ParseAssembly");
    find(dispose_module, "DisposeModule");
    find(create_tuning, "CreatePipelineTuningOptions");
    find(dispose_tuning, "DisposePipelineTuningOptions");
    find(create_builder, "CreatePassBuilder");
    find(dispose_builder, "DisposePassBuilder");
    find(create_passes, "CreateNewModulePassManager");
    find(dispose_passes, "DisposeNewModulePassManger");
    find(add_inliner, "module_AddAlwaysInlinerPass");
    find(run_passes, "RunNewModulePassManager");
    find(emit, "TargetMachineEmitToMemory");
    find(buffer_start, "GetBufferStart");
    find(buffer_size, "GetBufferSize");
    find(dispose_buffer, "DisposeMemoryBuffer");
    find(dispose_string, "DisposeString");
}

Library::Library(const std::string& path)
    : handle_(dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL)) {
    if (!handle_) fail(std::string("its library cannot be loaded: ") + dlerror());
    find_all();
    unsigned major = version() >> 16;
    if (major < kOldest || major > kNewest)
        fail("llvmlite has LLVM " + std::to_string(major) +
             "; install llvmlite 0.45 to 0.50.");
    initialize_target();
    initialize_printer();
    const char* text = nullptr;
    default_triple(&text);
    triple = taken(text);
    host_cpu(&(text = nullptr));
    cpu = taken(text);
    if (host_features(&(text = nullptr))) features = taken(text);
    target = target_of_triple(triple.c_str(), &(text = nullptr));
    if (!target) fail(taken(text));
}

std::mutex path_mutex;
std::string library_path;
std::once_flag opened;
std::unique_ptr<Library> the_library;

const Library& library() {
    std::call_once(opened, [] {
        std::lock_guard<std::mutex> lock(path_mutex);
        if (library_path.empty()) fail("the path of its library was not set.");
        the_library = std::make_unique<Library>(library_path);
    });
    return *the_library;
}

/// Target machines that no thread uses at the moment, by effort.
class Machines {
  public:
    Opaque take(const Library& lib, Effort effort) {
        {
            std::lock_guard<std::mutex> lock(mutex_);
            std::vector<Opaque>& spare = spares_[effort == Effort::kBest];
            if (!spare.empty()) {
                Opaque machine = spare.back();
                spare.pop_back();
                return machine;
            }
        }
        Opaque machine = lib.create_machine(
            lib.target, lib.triple.c_str(), lib.cpu.c_str(), lib.features.c_str(),
            int(effort), "pic", "small", 0, 0, "");
        if (!machine) fail("no target machine for " + lib.triple + ".");
        return machine;
    }
    void give_back(Opaque machine, Effort effort) {
        std::lock_guard<std::mutex> lock(mutex_);
        spares_[effort == Effort::kBest].push_back(machine);
    }

  private:
    std::mutex mutex_;
    std::vector<Opaque> spares_[2];
};

Machines& machines() {
    static Machines* made = new Machines;  // machines last as long as the process
    return *made;
}

using Owned = std::unique_ptr<void, void (*)(Opaque)>;

/// Puts the bodies of functions marked so in the place of their calls.
void inline_calls(const Library& lib, Opaque module, Opaque machine) {
    Owned tuning(lib.create_tuning(), lib.dispose_tuning);
    Owned builder(lib.create_builder(machine, tuning.get()), lib.dispose_builder);
    Owned passes(lib.create_passes(), lib.dispose_passes);
    lib.add_inliner(passes.get());
    lib.run_passes(passes.get(), module, builder.get());
}

std::string emitted(const Library& lib, Opaque module, Effort effort) {
    Opaque machine = machines().take(lib, effort);
    const char* error = nullptr;
    if (effort == Effort::kBest) inline_calls(lib, module, machine);
    Opaque buffer = lib.emit(machine, module, 1, &error);
    machines().give_back(machine, effort);
    if (!buffer) fail(lib.taken(error));
    std::string object(lib.buffer_start(buffer), lib.buffer_size(buffer));
    lib.dispose_buffer(buffer);
    return object;
}

}  // namespace

void set_path(const std::string& path) {
    std::lock_guard<std::mutex> lock(path_mutex);
    library_path = path;
}

std::string compile(const std::string& text, Effort effort) {
    const Library& lib = library();
    Owned context(lib.create_context(), lib.dispose_context);
    const char* error = nullptr;
    Owned module(lib.parse(context.get(), text.c_str(), &error), lib.dispose_module);
    if (!module || (error && *error)) fail(lib.taken(error));
    if (error) lib.dispose_string(error);
    return emitted(lib, module.get(), effort);
}

}  // namespace chainrule::llvm
