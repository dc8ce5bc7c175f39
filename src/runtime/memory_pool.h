/// Large blocks of memory that are used again: a page fresh from the system costs
/// several times what writing to it costs. Blocks of 64 KiB and more come from lists by
/// size; those of 2 MiB and more lie on huge pages where the system has them. What is
/// kept unused is limited to an eighth of the machine's memory. Thread-safe.
#pragma once
#include <cstddef>
#include <utility>

#include "native.h"

namespace chainrule::memory {

/// At least `bytes` bytes, aligned to 64; nullptr where there are none, also after
/// everything kept was given back. Needs no GIL.
void* allocate(std::size_t bytes) noexcept;
/// Takes back what allocate gave for the same `bytes`. Needs no GIL.
void release(void* block, std::size_t bytes) noexcept;

#ifdef CHAINRULE_GUARD_PAGES
/// From now on NumPy takes the elements of ndarrays from `allocate` (memory_guard.cpp).
void guard_ndarrays();
#endif

/// MemoryError that names the size; always returns nullptr.
std::nullptr_t raise_no_memory(std::size_t bytes);

/// A block that is given back at the end of its life.
class Block {
  public:
    Block() = default;
    explicit Block(std::size_t bytes) noexcept
        : data_(bytes ? allocate(bytes) : nullptr), bytes_(bytes) {}
    Block(Block&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), bytes_(other.bytes_) {}
    Block& operator=(Block&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~Block() {
        if (data_) release(data_, bytes_);
    }
    char* data() const { return static_cast<char*>(data_); }
    std::size_t bytes() const { return bytes_; }
    bool contains(const void* address) const {
        auto* byte = static_cast<const char*>(address);
        return data_ && byte >= data() && byte < data() + bytes_;
    }

  private:
    void* data_ = nullptr;
    std::size_t bytes_ = 0;
};

/// A C-contiguous ndarray, its elements unset; large ones lie in a block. `descr` is
/// borrowed. nullptr with MemoryError where there is no memory.
PyArrayObject* new_array(PyArray_Descr* descr, int ndim, const npy_intp* dims);

/// Whether an ndarray with `references` references, all of them the caller's, is the
/// only user of its memory, and that memory its own or a block's.
bool is_sole_owner(PyArrayObject* array, Py_ssize_t references);

}  // namespace chainrule::memory
