// user_frame: where in the user's program the current operation was called.
#include "places.h"

#include <string>
#include <unordered_map>
#include <vector>

namespace chainrule {
namespace {

std::vector<std::string> internal_prefixes;
/// Whether a code object is internal. Keys are strong references, so that an address
/// is never reused while it is in the map.
std::unordered_map<PyCodeObject*, bool> verdicts;
constexpr std::size_t kMaxVerdicts = 1 << 16;

void forget_verdicts() {
    std::unordered_map<PyCodeObject*, bool> dropped;
    dropped.swap(verdicts);
    for (auto& entry : dropped) Py_DECREF(reinterpret_cast<PyObject*>(entry.first));
}

bool is_internal(PyCodeObject* code) {
    auto found = verdicts.find(code);
    if (found != verdicts.end()) return found->second;
    const char* file = PyUnicode_AsUTF8(code->co_filename);
    if (!file) PyErr_Clear();  // a name that is not text is not one of our files
    bool internal = false;
    for (const std::string& prefix : internal_prefixes)
        if (file && std::string_view(file).substr(0, prefix.size()) == prefix)
            internal = true;
    if (verdicts.size() >= kMaxVerdicts) forget_verdicts();
    Py_INCREF(reinterpret_cast<PyObject*>(code));
    verdicts.emplace(code, internal);
    return internal;
}

thread_local const Place* innermost = nullptr;

/// The innermost place, if it was set in `frame`.
const Place* place_in(PyFrameObject* frame) {
    return innermost && innermost->anchor == frame ? innermost : nullptr;
}

}  // namespace

Place::Place(PyObject* code, int offset)
    : code(code), offset(offset), previous(innermost) {
    if (!code) return;
    anchor = PyEval_GetFrame();
    innermost = this;
}

Place::~Place() { innermost = previous; }

bool read_place(PyObject* frame, PyObject** code, int* offset) {
    *code = nullptr;
    if (frame == Py_None) return true;
    if (PyTuple_Check(frame) && PyArg_ParseTuple(frame, "O!i", &PyCode_Type, code, offset))
        return true;
    PyErr_SetString(PyExc_TypeError, "frame: must be (code, offset) or None.");
    return false;
}

/// bind_at(frame, primitive, args, params): binds a primitive in the name of the
/// user's line `frame`, as user_frame gives it.
PyObject* bind_at(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
    if (nargs != 4 || !PyDict_Check(args[3])) {
        PyErr_SetString(PyExc_TypeError,
                        "bind_at: takes (frame, primitive, args, params dict).");
        return nullptr;
    }
    PyObject* code;
    int offset = 0;
    if (!read_place(args[0], &code, &offset)) return nullptr;
    Ref values(PySequence_Tuple(args[2]));
    if (!values) return nullptr;
    Place place(code, offset);
    return PyObject_Call(args[1], values.get(), args[3]);
}

PyObject* set_internal_prefix(PyObject*, PyObject* prefix) {
    const char* text = PyUnicode_Check(prefix) ? PyUnicode_AsUTF8(prefix) : nullptr;
    if (!text || !*text) {
        if (!PyErr_Occurred())
            PyErr_Format(PyExc_TypeError,
                         "set_internal_prefix: a non-empty str is "
                         "needed, not %R.",
                         prefix);
        return nullptr;
    }
    internal_prefixes.emplace_back(text);
    forget_verdicts();
    Py_RETURN_NONE;
}

PyObject* find_user_frame(int* offset) {
    Ref frame = Ref::borrow(reinterpret_cast<PyObject*>(PyEval_GetFrame()));
    while (frame) {
        auto* current = reinterpret_cast<PyFrameObject*>(frame.get());
        if (const Place* place = place_in(current)) {
            *offset = place->offset;
            return Py_NewRef(place->code);
        }
        Ref code(reinterpret_cast<PyObject*>(PyFrame_GetCode(current)));
        if (!is_internal(reinterpret_cast<PyCodeObject*>(code.get()))) {
            *offset = PyFrame_GetLasti(current);
            return code.release();
        }
        frame = Ref(reinterpret_cast<PyObject*>(PyFrame_GetBack(current)));
    }
    return nullptr;
}

PyObject* user_frame(PyObject*, PyObject*) {
    int offset;
    Ref code(find_user_frame(&offset));
    if (!code) Py_RETURN_NONE;
    return Py_BuildValue("(Oi)", code.get(), offset);
}

}  // namespace chainrule
