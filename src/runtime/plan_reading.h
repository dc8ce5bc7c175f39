/// How what Python passes to Plan is read: values of the expected kinds, or an exception
/// that names the entry. Unwinds by throwing Raised, with the exception set.
#pragma once
#include <string>

#include "plan.h"

namespace chainrule::plan {

/// A Python exception is set; unwinds to `build`.
struct Raised {};

[[noreturn]] inline void fail(PyObject* type, const std::string& text) {
    PyErr_SetString(type, ("Plan: " + text).c_str());
    throw Raised();
}

inline std::string nth(const char* what, std::size_t index) {
    return std::string(what) + " " + std::to_string(index);
}

/// A list or tuple, read by index.
class Sequence {
  public:
    Sequence(PyObject* object, const std::string& what) : what_(what) {
        if (!PyTuple_Check(object) && !PyList_Check(object))
            fail(PyExc_TypeError, what + " is of type " + Py_TYPE(object)->tp_name +
                                      "; pass a list or tuple.");
        items_ = Ref(PySequence_Tuple(object));
        if (!items_) throw Raised();
    }
    std::size_t size() const { return std::size_t(PyTuple_GET_SIZE(items_.get())); }
    PyObject* operator[](std::size_t i) const {
        return PyTuple_GET_ITEM(items_.get(), Py_ssize_t(i));
    }
    void require_size(std::size_t size) const {
        if (this->size() != size)
            fail(PyExc_ValueError, what_ + " has " + std::to_string(this->size()) +
                                       " entries; it must have " +
                                       std::to_string(size) + ".");
    }
    const std::string& what() const { return what_; }

  private:
    std::string what_;
    Ref items_;
};

inline std::int64_t integer(PyObject* object, const std::string& what) {
    long long value = PyLong_Check(object) ? PyLong_AsLongLong(object) : -1;
    if (!PyLong_Check(object))
        fail(PyExc_TypeError,
             what + " is of type " + Py_TYPE(object)->tp_name + "; pass an int.");
    if (value == -1 && PyErr_Occurred()) throw Raised();
    return value;
}

inline std::int64_t integer_between(PyObject* object, std::int64_t low, std::int64_t high,
                             const std::string& what) {
    std::int64_t value = integer(object, what);
    if (value < low || value > high)
        fail(PyExc_ValueError, what + " is " + std::to_string(value) +
                                   "; it must be from " + std::to_string(low) + " to " +
                                   std::to_string(high) + ".");
    return value;
}

inline std::string text_of(PyObject* object, const std::string& what) {
    const char* text = PyUnicode_Check(object) ? PyUnicode_AsUTF8(object) : nullptr;
    if (!text) {
        PyErr_Clear();
        fail(PyExc_TypeError,
             what + " is of type " + Py_TYPE(object)->tp_name + "; pass a str.");
    }
    return text;
}

/// Slots, each of which must be one of the program's.
inline std::vector<int> slots_of(PyObject* object, const Program& program,
                                 const std::string& what) {
    Sequence given(object, what);
    std::vector<int> found;
    for (std::size_t i = 0; i < given.size(); ++i)
        found.push_back(
            int(integer_between(given[i], 0, program.num_slots() - 1, what)));
    return found;
}

/// Reads ('loop', ...); see nested.h.
void read_loop(const Sequence& entry, const Program& program, LoopStep* loop);
/// Reads ('branch', ...); see nested.h.
void read_branch(const Sequence& entry, const Program& program, BranchStep* branch);

}  // namespace chainrule::plan
