// The lists of unused blocks and the ndarrays over blocks.
//
// Sizes are rounded up to classes: 4 per doubling, from 2 MiB on multiples of 2 MiB.
// Blocks below 2 MiB come from the C library, larger ones from mmap, aligned to 2 MiB.
#include "memory_pool.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace chainrule::memory {
namespace {

constexpr std::size_t kSmallest = std::size_t(1) << 16;
constexpr std::size_t kHugePage = std::size_t(1) << 21;
constexpr std::size_t kLargest = std::size_t(1) << 62;

/// The size of the class that `bytes` (at least kSmallest) belongs to.
std::size_t class_size(std::size_t bytes) {
    std::size_t power = kSmallest;
    while (power * 2 <= bytes) power *= 2;
    std::size_t step = power / 4;
    if (power >= kHugePage && step < kHugePage) step = kHugePage;
    return (bytes + step - 1) / step * step;
}

void* map_huge(std::size_t size) {
    std::size_t padded = size + kHugePage;
    void* mapped = mmap(nullptr, padded, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    auto start = reinterpret_cast<std::uintptr_t>(mapped);
    std::uintptr_t aligned = (start + kHugePage - 1) & ~(kHugePage - 1);
    if (aligned > start) munmap(mapped, aligned - start);
    std::size_t tail = start + padded - (aligned + size);
    if (tail) munmap(reinterpret_cast<void*>(aligned + size), tail);
    madvise(reinterpret_cast<void*>(aligned), size, MADV_HUGEPAGE);
    return reinterpret_cast<void*>(aligned);
}

/// Fresh memory of a class size.
void* from_system(std::size_t size) {
    return size >= kHugePage ? map_huge(size) : std::aligned_alloc(4096, size);
}

void to_system(void* block, std::size_t size) {
    if (size >= kHugePage)
        munmap(block, size);
    else
        std::free(block);
}

class Cache {
  public:
    void* take(std::size_t size);
    /// False if the block must go to the system.
    bool keep(void* block, std::size_t size);
    /// Gives everything back; returns how many bytes.
    std::size_t empty();
    std::size_t bytes();
    std::mutex& mutex() { return mutex_; }

  private:
    std::mutex mutex_;
    std::map<std::size_t, std::vector<void*>> lists_;
    std::size_t bytes_ = 0;
    const std::size_t limit_ =
        std::size_t(sysconf(_SC_PHYS_PAGES)) * std::size_t(sysconf(_SC_PAGESIZE)) / 8;
};

void* Cache::take(std::size_t size) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto list = lists_.find(size);
    if (list == lists_.end() || list->second.empty()) return nullptr;
    void* block = list->second.back();
    list->second.pop_back();
    bytes_ -= size;
    return block;
}

bool Cache::keep(void* block, std::size_t size) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (size > limit_ || bytes_ > limit_ - size) return false;
    try {
        lists_[size].push_back(block);
    } catch (const std::bad_alloc&) {
        return false;
    }
    bytes_ += size;
    return true;
}

std::size_t Cache::empty() {
    std::map<std::size_t, std::vector<void*>> lists;
    std::size_t freed;
    {
        std::lock_guard<std::mutex> lock(mutex_);
        lists.swap(lists_);
        freed = std::exchange(bytes_, 0);
    }
    for (auto& [size, blocks] : lists)
        for (void* block : blocks) to_system(block, size);
    return freed;
}

std::size_t Cache::bytes() {
    std::lock_guard<std::mutex> lock(mutex_);
    return bytes_;
}

Cache& cache() {
    static Cache* the_cache = new Cache;  // outlives every array
    return *the_cache;
}

void lock_cache() { cache().mutex().lock(); }
void unlock_cache() { cache().mutex().unlock(); }

constexpr const char* kCapsuleName = "chainrule.block";

void release_capsule(PyObject* capsule) {
    void* block = PyCapsule_GetPointer(capsule, kCapsuleName);
    release(block, reinterpret_cast<std::size_t>(PyCapsule_GetContext(capsule)));
}

/// The number of bytes of an array, or -1 if it does not fit.
npy_intp bytes_of(PyArray_Descr* descr, int ndim, const npy_intp* dims) {
    npy_intp bytes = PyDataType_ELSIZE(descr);
    for (int i = 0; i < ndim; ++i)
        if (__builtin_mul_overflow(bytes, dims[i], &bytes)) return -1;
    return bytes;
}

}  // namespace

#if defined(__SANITIZE_ADDRESS__)
// Every block is as long as was asked for and goes back at once: nothing hides an access
// beyond it or after its time.
void* allocate(std::size_t bytes) noexcept {
    void* block = nullptr;
    return bytes <= kLargest && posix_memalign(&block, 64, bytes) == 0 ? block : nullptr;
}

void release(void* block, std::size_t) noexcept { std::free(block); }
#elif !defined(CHAINRULE_GUARD_PAGES)
void* allocate(std::size_t bytes) noexcept {
    if (bytes < kSmallest) return std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (bytes > kLargest) return nullptr;
    std::size_t size = class_size(bytes);
    if (void* block = cache().take(size)) return block;
    if (void* block = from_system(size)) return block;
    return cache().empty() ? from_system(size) : nullptr;
}

void release(void* block, std::size_t bytes) noexcept {
    if (bytes < kSmallest) return std::free(block);
    std::size_t size = class_size(bytes);
    if (!cache().keep(block, size)) to_system(block, size);
}
#endif

std::nullptr_t raise_no_memory(std::size_t bytes) {
    PyErr_Format(PyExc_MemoryError,
                 "chainrule: %zu bytes of memory are needed and the system does not "
                 "give them; delete arrays or use smaller ones.",
                 bytes);
    return nullptr;
}

PyArrayObject* new_array(PyArray_Descr* descr, int ndim, const npy_intp* dims) {
    npy_intp bytes = bytes_of(descr, ndim, dims);
    Py_INCREF(descr);
    if (bytes >= 0 && std::size_t(bytes) < kSmallest)
        return reinterpret_cast<PyArrayObject*>(PyArray_NewFromDescr(
            &PyArray_Type, descr, ndim, dims, nullptr, nullptr, 0, nullptr));
    void* block = bytes < 0 ? nullptr : allocate(std::size_t(bytes));
    if (!block) {
        Py_DECREF(descr);
        return raise_no_memory(std::size_t(bytes));
    }
    PyObject* capsule = PyCapsule_New(block, kCapsuleName, release_capsule);
    if (!capsule) {
        release(block, std::size_t(bytes));
        Py_DECREF(descr);
        return nullptr;
    }
    PyCapsule_SetContext(capsule, reinterpret_cast<void*>(bytes));
    auto* array = reinterpret_cast<PyArrayObject*>(PyArray_NewFromDescr(
        &PyArray_Type, descr, ndim, dims, nullptr, block, NPY_ARRAY_CARRAY, nullptr));
    if (!array || PyArray_SetBaseObject(array, capsule) < 0) {
        if (!array) Py_DECREF(capsule);
        Py_XDECREF(array);
        return nullptr;
    }
    return array;
}

bool is_sole_owner(PyArrayObject* array, Py_ssize_t references) {
    if (Py_REFCNT(array) != references) return false;
    if (PyArray_CHKFLAGS(array, NPY_ARRAY_OWNDATA)) return true;
    PyObject* base = PyArray_BASE(array);
    if (!base) return false;
    if (PyArray_CheckExact(base))
        return is_sole_owner(reinterpret_cast<PyArrayObject*>(base), 1);
    return PyCapsule_IsValid(base, kCapsuleName) && Py_REFCNT(base) == 1;
}

}  // namespace chainrule::memory

namespace chainrule {
void register_memory_pool(nb::module_& m) {
    memory::cache();
#ifdef CHAINRULE_GUARD_PAGES
    memory::guard_ndarrays();
#endif
    pthread_atfork(memory::lock_cache, memory::unlock_cache, memory::unlock_cache);
    m.def(
        "release_memory",
        [] {
            nb::gil_scoped_release release;
            return memory::cache().empty();
        },
        "Give the memory that is kept for later arrays back to the system; returns "
        "how\n"
        "many bytes.");
    m.def(
        "kept_memory", [] { return memory::cache().bytes(); },
        "How many bytes are kept for later arrays.");
}
}  // namespace chainrule
