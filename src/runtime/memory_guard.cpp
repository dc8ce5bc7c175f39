// Memory for looking for accesses beyond its end, in builds with CHAINRULE_GUARD_PAGES
// (tools/sanitize.py --guard): behind every block, and behind every ndarray's elements,
// lies a page that nobody may touch, so that machine code stops there as well. Nothing
// is kept for later, and what was given back cannot be touched either.
#ifdef CHAINRULE_GUARD_PAGES
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <unordered_map>

#include "memory_pool.h"

namespace chainrule::memory {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kLargest = std::size_t(1) << 47;

std::size_t rounded(std::size_t bytes, std::size_t to) {
    return (bytes + to - 1) / to * to;
}

/// The sizes of NumPy's blocks, which it does not tell.
std::mutex mutex;
std::unordered_map<void*, std::size_t>& sizes() {
    static auto* found = new std::unordered_map<void*, std::size_t>;
    return *found;
}

void* numpy_malloc(void*, std::size_t bytes) {
    void* block = allocate(std::max<std::size_t>(bytes, 1));
    std::lock_guard<std::mutex> lock(mutex);
    if (block) sizes()[block] = bytes;
    return block;
}

void* numpy_calloc(void*, std::size_t count, std::size_t size) {
    std::size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) return nullptr;
    return numpy_malloc(nullptr, bytes);  // fresh pages are zeros
}

void numpy_free(void*, void* block, std::size_t) {
    if (!block) return;
    std::unique_lock<std::mutex> lock(mutex);
    const std::size_t bytes = sizes().at(block);
    sizes().erase(block);
    lock.unlock();
    release(block, std::max<std::size_t>(bytes, 1));
}

void* numpy_realloc(void*, void* block, std::size_t bytes) {
    void* made = numpy_malloc(nullptr, bytes);
    if (!made || !block) return made;
    std::unique_lock<std::mutex> lock(mutex);
    const std::size_t former = sizes().at(block);
    lock.unlock();
    std::memcpy(made, block, std::min(bytes, former));
    numpy_free(nullptr, block, former);
    return made;
}

PyDataMem_Handler handler = {
    "chainrule_guarded",
    1,
    {nullptr, numpy_malloc, numpy_calloc, numpy_realloc, numpy_free}};

}  // namespace

void* allocate(std::size_t bytes) noexcept {
    if (bytes > kLargest) return nullptr;
    const std::size_t used = rounded(bytes, 64), size = rounded(used, kPage);
    void* map = mmap(nullptr, size + kPage, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) return nullptr;
    char* start = static_cast<char*>(map);
    mprotect(start + size, kPage, PROT_NONE);
    return start + size - used;
}

void release(void* block, std::size_t bytes) noexcept {
    const std::size_t used = rounded(bytes, 64), size = rounded(used, kPage);
    munmap(static_cast<char*>(block) + used - size, size + kPage);
}

void guard_ndarrays() {
    PyObject* capsule = PyCapsule_New(&handler, "mem_handler", nullptr);
    PyObject* former = capsule ? PyDataMem_SetHandler(capsule) : nullptr;
    if (!former) throw nb::python_error();
    Py_DECREF(former);
}

}  // namespace chainrule::memory
#endif
