// One kernel's code, and its type in Python.
#include "machine_code.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <optional>
#include <utility>

#include "native.h"
#include "quick_code.h"

namespace chainrule::machine_code {

MachineCode::MachineCode(std::string name, std::string text)
    : name_(std::move(name)), text_(std::move(text)) {}

MachineCode::MachineCode(std::string name, std::string text, std::string object,
                         Level level)
    : MachineCode(std::move(name), std::move(text)) {
    install(std::move(object), level);
    for (int k = 0; k <= int(level); ++k) settled_[k].store(true);
}

void MachineCode::install(std::string object, Level level) {
    object::Code code = object::load(object, true);
    install(std::move(code), std::move(object), level);
}

void MachineCode::install(object::Code code, std::string object, Level level) {
    auto found = code.addresses.find(name_);
    if (found == code.addresses.end())
        throw object::DamagedObject("there is no function '" + name_ + "' in it.");
    auto entry = reinterpret_cast<threads::Kernel>(found->second);
    std::lock_guard<std::mutex> lock(mutex_);
    loaded_.push_back(std::move(code));
    if (level_.load() >= level) return;
    object_ = std::move(object);
    entry_.store(entry, std::memory_order_release);
    level_.store(level, std::memory_order_release);
}

void MachineCode::compile(Level level) noexcept {
    if (is_settled(level)) return;
    try {
        bool quick = level == Level::kQuick;
        object::Code code;
        if (quick && quick::assemble(text_, name_, &code)) {
            install(std::move(code), "", level);
        } else {
            auto effort = quick ? llvm::Effort::kQuick : llvm::Effort::kBest;
            install(llvm::compile(text_, effort), level);
        }
    } catch (const std::exception& error) {
        std::lock_guard<std::mutex> lock(mutex_);
        errors_[int(level)] = error.what();
    }
    for (int k = level_ >= level ? 0 : int(level); k <= int(level); ++k)
        settled_[k].store(true);
}

void MachineCode::check(Level level) const {
    std::lock_guard<std::mutex> lock(mutex_);
    const std::string& error = errors_[int(level)];
    if (level_.load() < level && !error.empty()) throw std::runtime_error(error);
}

std::string MachineCode::object() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return object_;
}

std::size_t MachineCode::bytes() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return loaded_.empty() ? 0 : loaded_.back().pages.size();
}

namespace {

Level level_of(bool best) { return best ? Level::kBest : Level::kQuick; }

Handle from_text(std::string name, std::string text) {
    return {std::make_shared<MachineCode>(std::move(name), std::move(text))};
}

Handle from_object(std::string name, std::string text, nb::bytes object, bool best) {
    return {std::make_shared<MachineCode>(std::move(name), std::move(text),
                                          std::string(object.c_str(), object.size()),
                                          level_of(best))};
}

nb::tuple object_of(const Handle& self) {
    // The level first: a better object may come in between, never a worse one.
    bool best = self.code->level() == Level::kBest;
    std::string object = self.code->object();
    return nb::make_tuple(nb::bytes(object.data(), object.size()), best);
}

void request_code(const Handle& self, bool best) {
    request(self.code, level_of(best), true);
}

void wait_for(const Handle& self, bool best) {
    nb::gil_scoped_release release;
    wait(self.code, level_of(best));
}

/// Why a module is left to LLVM; None if it has quick code.
std::optional<std::string> reason_for_llvm(const std::string& name,
                                           const std::string& text) {
    object::Code code;
    std::string reason;
    if (quick::assemble(text, name, &code, &reason)) return std::nullopt;
    return reason;
}

nb::bytes compile_module(const std::string& text) {
    std::string object;
    {
        nb::gil_scoped_release release;
        object = llvm::compile(text, llvm::Effort::kBest);
    }
    return nb::bytes(object.data(), object.size());
}

}  // namespace
}  // namespace chainrule::machine_code

namespace chainrule {
void register_machine_code(nb::module_& m) {
    using machine_code::Handle;
    nb::class_<Handle>(m, "MachineCode",
                       "The code of a kernel; a plan's kernel step calls it.")
        .def_static("of_text", &machine_code::from_text, nb::arg("name"),
                    nb::arg("text"), "Code to be compiled from a module's text.")
        .def_static("of_object", &machine_code::from_object, nb::arg("name"),
                    nb::arg("text"), nb::arg("object"), nb::arg("best"),
                    "Code that was compiled before; ValueError for damaged bytes.")
        .def("request", &machine_code::request_code, nb::arg("best"),
             "Have it compiled, quickly or as well as LLVM can.")
        .def("wait", &machine_code::wait_for, nb::arg("best") = false,
             "Return when there is code; RuntimeError with what LLVM refused.")
        .def("object", &machine_code::object_of,
             "The object's bytes, and whether it is LLVM's best.")
        .def_prop_ro(
            "name", [](const Handle& self) { return self.code->name(); },
            "The function's name.")
        .def_prop_ro(
            "text", [](const Handle& self) { return self.code->text(); },
            "The module that it is compiled from.")
        .def_prop_ro(
            "nbytes", [](const Handle& self) { return self.code->bytes(); },
            "Bytes of memory it takes.")
        .def_prop_ro(
            "level", [](const Handle& self) { return int(self.code->level()); },
            "0: there is no code yet; 1: quickly written; 2: LLVM's best.");
    m.def("set_llvm_path", &llvm::set_path, nb::arg("path"),
          "Say where llvmlite's shared library is.");
    m.def("has_quick_code", &quick::is_in_use,
          "Whether first calls do without LLVM on this processor.");
    m.def("reason_for_llvm", &machine_code::reason_for_llvm, nb::arg("name"),
          nb::arg("text"),
          "Why a kernel's text has no quick code without LLVM, or None if it has.");
    m.def("compile_module", &machine_code::compile_module, nb::arg("text"),
          "The relocatable object of a module of LLVM's text for this processor.");
    m.def(
        "stop_compiling",
        [] {
            nb::gil_scoped_release release;
            machine_code::stop();
        },
        "End the compiling thread; to be called before the process ends.");
}
}  // namespace chainrule
