// Construction of tracers without a Python frame.
//
// A subclass of Tracer that lists its fields in __slots__ and has neither __init__ nor
// __new__ is called as cls(trace, aval, *fields), the fields in the order of the slots
// (those of its bases first). The offsets are looked up once, when the class is made.
#include "dispatch.h"

#include <unordered_map>
#include <vector>

namespace chainrule {
namespace {

using Offsets = std::vector<Py_ssize_t>;

/// Entries outlive their class; a class made later at the same address replaces them.
std::unordered_map<PyTypeObject*, Offsets> layouts;
PyTypeObject* last_type = nullptr;
const Offsets* last_offsets = nullptr;

const Offsets& layout_of(PyTypeObject* type) {
    if (type != last_type) {
        last_offsets = &layouts[type];
        last_type = type;
    }
    return *last_offsets;
}

PyObject** field(PyObject* self, Py_ssize_t offset) {
    return reinterpret_cast<PyObject**>(reinterpret_cast<char*>(self) + offset);
}

PyObject* construct(PyObject* callable, PyObject* const* args, std::size_t nargsf,
                    PyObject* names) {
    auto* type = reinterpret_cast<PyTypeObject*>(callable);
    const Offsets& offsets = layout_of(type);
    std::size_t nargs = PyVectorcall_NARGS(nargsf);
    if (nargs != offsets.size() + 2 || (names && PyTuple_GET_SIZE(names) > 0))
        return PyErr_Format(PyExc_TypeError,
                            "%s: %zu positional arguments given; it "
                            "takes (trace, aval) and its %zu slots, none by keyword.",
                            type->tp_name, nargs, offsets.size());
    PyObject* self = type->tp_alloc(type, 0);
    if (!self) return nullptr;
    as_tracer(self)->trace = Py_NewRef(args[0]);
    as_tracer(self)->aval = Py_NewRef(args[1]);
    for (std::size_t i = 0; i < offsets.size(); ++i)
        *field(self, offsets[i]) = Py_NewRef(args[i + 2]);
    return self;
}

/// Appends the offsets of the slots that `type` itself defines. False where one is not
/// a plain slot (a mangled name, say); the class is then constructed the usual way.
bool append_slots(PyTypeObject* type, Offsets* offsets) {
    Ref slots = Ref::borrow(PyDict_GetItemString(type->tp_dict, "__slots__"));
    if (!slots) return true;
    if (PyUnicode_Check(slots.get())) slots = Ref(PyTuple_Pack(1, slots.get()));
    slots = Ref(slots ? PySequence_Tuple(slots.get()) : nullptr);
    if (!slots) return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(slots.get()); ++i) {
        PyObject* name = PyTuple_GET_ITEM(slots.get(), i);
        if (PyUnicode_CompareWithASCIIString(name, "__weakref__") == 0 ||
            PyUnicode_CompareWithASCIIString(name, "__dict__") == 0)
            continue;
        PyObject* member = PyDict_GetItemWithError(type->tp_dict, name);
        if (!member || Py_TYPE(member) != &PyMemberDescr_Type) return false;
        PyMemberDef* definition =
            reinterpret_cast<PyMemberDescrObject*>(member)->d_member;
        offsets->push_back(definition->offset);
    }
    return true;
}

bool collect_slots(PyTypeObject* type, Offsets* offsets) {
    PyObject* mro = type->tp_mro;
    for (Py_ssize_t i = PyTuple_GET_SIZE(mro) - 1; i >= 0; --i) {
        auto* base = reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(mro, i));
        if (base != tracer_type && (base->tp_flags & Py_TPFLAGS_HEAPTYPE) &&
            base != array_type && !append_slots(base, offsets))
            return false;
    }
    return true;
}

}  // namespace

Py_ssize_t slot_offset(PyTypeObject* type, const char* name) {
    Ref member(PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), name));
    if (member && Py_TYPE(member.get()) == &PyMemberDescr_Type)
        return reinterpret_cast<PyMemberDescrObject*>(member.get())->d_member->offset;
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_TypeError, "%s has no slot %s.",
                     type->tp_name, name);
    return -1;
}

PyObject* prepare_tracer_subclass(PyObject* cls, PyObject*, PyObject* kwargs) {
    auto* type = reinterpret_cast<PyTypeObject*>(cls);
    if (kwargs && PyDict_GET_SIZE(kwargs) > 0)
        return PyErr_Format(PyExc_TypeError,
                            "%s: class keywords are not supported by "
                            "Tracer.",
                            type->tp_name);
    last_type = nullptr;
    layouts.erase(type);
    type->tp_vectorcall = nullptr;
    if (type->tp_init != tracer_type->tp_init || type->tp_new != tracer_type->tp_new)
        Py_RETURN_NONE;
    Offsets offsets;
    if (collect_slots(type, &offsets)) {
        layouts[type] = std::move(offsets);
        type->tp_vectorcall = construct;
    }
    if (PyErr_Occurred()) return nullptr;
    Py_RETURN_NONE;
}

}  // namespace chainrule
