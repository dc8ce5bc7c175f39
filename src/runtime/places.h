/// Places: the user's lines that operations stand for when programs are run again.
///
/// An operation that the user's program calls stands for the line that calls it. One
/// that a recorded program or tape makes (replayed, differentiated, transposed) stands
/// for the line that was recorded; frames of the user's that are called from within it,
/// as those of custom derivative rules, come before that.
#pragma once
#include "dispatch.h"

namespace chainrule {

/// While it lives, `code` and `offset` are the user's place for operations made below
/// the Python frame that is executing now. Nothing where `code` is null.
class Place {
  public:
    Place(PyObject* code, int offset);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    PyObject* code;  // borrowed
    int offset;
    PyFrameObject* anchor = nullptr;  // borrowed; executing for as long as this lives
    const Place* previous;
};

/// Splits (code, offset) or None; `*code` is borrowed, null for None. False with an
/// exception where `frame` is neither.
bool read_place(PyObject* frame, PyObject** code, int* offset);
/// bind_at(frame, primitive, args, params): see frames.cpp.
PyObject* bind_at(PyObject*, PyObject* const* args, Py_ssize_t nargs);

}  // namespace chainrule
