// The keys of a dict in sorted order, the order of its leaves. Dicts that are flattened
// over and over hold the same str objects in the same order, so a small direct-mapped
// cache keyed by those pointers gives the sorted tuple without sorting, and the
// identical tuple makes equal structures equal as bytes.
#include "pytree.h"

namespace chainrule::pytree {
namespace {

constexpr Py_ssize_t max_cached_keys = 16;
constexpr size_t cache_slots = 256;

struct Entry {
    Py_ssize_t count;
    PyObject* keys[max_cached_keys];  // as they stand in the dict, owned
    PyObject* sorted;                 // owned; null: the slot is empty
};

Entry* cache = nullptr;

/// Reads the keys of a small dict of exact str; false if it is not one.
bool read_keys(PyObject* dict, PyObject** keys, size_t* slot) {
    Py_ssize_t position = 0, count = 0;
    PyObject* key;
    uintptr_t hash = 0;
    while (PyDict_Next(dict, &position, &key, nullptr)) {
        if (count == max_cached_keys || !PyUnicode_CheckExact(key)) return false;
        keys[count++] = key;
        hash = (hash ^ reinterpret_cast<uintptr_t>(key)) * 0x9E3779B97F4A7C15ull;
    }
    *slot = (hash >> 40) % cache_slots;
    return true;
}

void remember(Entry& entry, PyObject* const* keys, Py_ssize_t count,
              const nb::object& sorted) {
    // Only str and a tuple of str are dropped here: no Python code can run.
    for (Py_ssize_t i = 0; i < count; ++i) Py_INCREF(keys[i]);
    if (entry.sorted) {
        for (Py_ssize_t i = 0; i < entry.count; ++i) Py_DECREF(entry.keys[i]);
        Py_DECREF(entry.sorted);
    }
    entry.count = count;
    std::memcpy(entry.keys, keys, count * sizeof(PyObject*));
    entry.sorted = Py_NewRef(sorted.ptr());
}

nb::object sort_keys(PyObject* dict) {
    nb::object keys = own(PyDict_Keys(dict));
    if (PyList_Sort(keys.ptr()) < 0) {
        nb::python_error cause;
        if (!cause.matches(PyExc_Exception)) throw cause;
        nb::raise_from(
            cause, PyExc_ValueError,
            "pytree: the keys of a dict must be sortable, got %R; use keys of "
            "one type, or a collections.OrderedDict",
            keys.ptr());
    }
    return own(PyList_AsTuple(keys.ptr()));
}

}  // namespace

nb::object sorted_keys(PyObject* dict) {
    Py_ssize_t count = PyDict_GET_SIZE(dict);
    PyObject* keys[max_cached_keys];
    size_t slot;
    if (count > max_cached_keys || !read_keys(dict, keys, &slot))
        return sort_keys(dict);
    if (!cache) cache = new Entry[cache_slots]();
    Entry& entry = cache[slot];
    if (entry.sorted && entry.count == count &&
        !std::memcmp(entry.keys, keys, count * sizeof(PyObject*)))
        return nb::borrow(entry.sorted);
    nb::object sorted = sort_keys(dict);
    remember(entry, keys, count, sorted);
    return sorted;
}

}  // namespace chainrule::pytree
