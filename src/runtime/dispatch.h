/// Declarations shared by the dispatch sources: the object layouts of arrays,
/// tracers and primitives, the thread's tracing state, and small RAII helpers.
///
/// Conventions: the GIL is held everywhere; a function that returns PyObject*
/// returns a new reference or nullptr with a Python exception set; parameters are
/// borrowed unless their contract says that they are stolen.
#pragma once
#include "native.h"

#include <cstdint>
#include <structmember.h>
#include <utility>

namespace chainrule {

/// An owned reference, released at the end of its scope.
class Ref {
  public:
    Ref() = default;
    explicit Ref(PyObject* stolen) : object_(stolen) {}
    Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    Ref& operator=(Ref&& other) noexcept {
        PyObject* old = std::exchange(object_, std::exchange(other.object_, nullptr));
        Py_XDECREF(old);
        return *this;
    }
    Ref(const Ref&) = delete;
    Ref& operator=(const Ref&) = delete;
    ~Ref() { Py_XDECREF(object_); }
    static Ref borrow(PyObject* object) { return Ref(Py_XNewRef(object)); }
    PyObject* get() const { return object_; }
    PyObject* release() { return std::exchange(object_, nullptr); }
    explicit operator bool() const { return object_ != nullptr; }

  private:
    PyObject* object_ = nullptr;
};

/// Shape, dtype and weak type of a value. Interned and immortal: equal is identical.
struct ShapedArray {
    PyObject_HEAD PyObject* shape;  // tuple of int
    PyObject* dtype;                // canonical np.dtype, or an extended dtype
    npy_intp* dims;
    int ndim;
    bool weak;
    npy_intp size;
    std::size_t hash;
    PyArrayObject* spares[8];  // small ndarrays of this type that nobody uses any more
    int spare_count;
};

/// Base of the tracing contexts; `level` orders them by time of construction.
struct Trace {
    PyObject_HEAD std::int64_t level;
    bool alive;
};

/// A concrete array over a NumPy array that nobody writes to.
struct ConcreteArray {
    PyObject_HEAD PyArrayObject* data;  // nullptr once deleted; then aval is set
    PyObject* aval;                     // lazy
    PyObject* sharding;                 // nullptr: the default device
    PyObject* weakrefs;
    bool weak;
};

/// A value that stands for the result of an operation under a trace.
struct Tracer {
    PyObject_HEAD PyObject* trace;
    PyObject* aval;
};

/// An operation; calling it binds it to its arguments.
struct Primitive {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject* name;
    PyObject* evaluate;
    PyObject* partials;  // a tuple with one per operand, None, or nullptr
    PyObject* quick;     // tried before evaluate; NotImplemented where it declines
    PyObject* stage;     // the staging rule of a higher-order primitive, or None
    PyObject* memo;      // output types by operand types and params (inference.cpp)
    int weak_rule;
    char multiple_results;
    char raw;
    char axis_rule;
    char bilinear;
    char linear_in_first;
};

enum WeakRule {
    kWeakIfAllWeak = 0, kNeverWeak = 1, kWeakByParameter = 2, kWeakIfRest = 3
};

extern PyTypeObject* shaped_array_type;
extern PyTypeObject* trace_type;
extern PyTypeObject* array_type;
extern PyTypeObject* concrete_type;
extern PyTypeObject* tracer_type;
extern PyTypeObject* primitive_type;

inline bool is_concrete(PyObject* object) { return Py_TYPE(object) == concrete_type; }
inline ConcreteArray* as_concrete(PyObject* object) {
    return reinterpret_cast<ConcreteArray*>(object);
}
inline Tracer* as_tracer(PyObject* object) { return reinterpret_cast<Tracer*>(object); }
inline bool is_shaped_array(PyObject* object) {
    return Py_TYPE(object) == shaped_array_type;
}
inline ShapedArray* as_shaped(PyObject* object) {
    return reinterpret_cast<ShapedArray*>(object);
}
/// True for tracers; cheap for the types that arguments usually have.
inline bool is_tracer(PyObject* object) {
    PyTypeObject* type = Py_TYPE(object);
    if (type == concrete_type || type == &PyFloat_Type || type == &PyLong_Type ||
        type == &PyArray_Type)
        return false;
    return PyType_IsSubtype(type, tracer_type) != 0;
}

// --- avals (aval.cpp, aval_table.cpp)

/// The one dtype object that stands for `dtype` (native byte order); a new reference.
/// Accepts np.dtype instances, types and names NumPy understands, extended dtypes.
PyObject* canonical_dtype(PyObject* dtype);
/// The interned aval; `dtype` must be canonical or an np.dtype.
PyObject* aval_get(PyObject* dtype, int ndim, const npy_intp* dims, bool weak);
/// 'float32' or, with `brief`, 'f32'; a new str.
PyObject* dtype_label(PyObject* dtype, bool brief);
/// 'f32[2,3]' or 'float32[2,3]'; a new str.
PyObject* aval_label(PyObject* aval, bool brief);

// --- arrays (array.cpp)

/// Wraps an ndarray, NumPy scalar or Python scalar. Steals `value`, also on failure.
/// The memory is shared and no longer writable through this ndarray.
PyObject* wrap_stolen(PyObject* value, bool weak);
/// As wrap_stolen, but an Array is passed through unchanged (results of evaluations).
PyObject* wrap_result(PyObject* value, bool weak);
/// Wraps an ndarray that fits `aval`, whose dtype is canonical; unchecked. Steals it,
/// also on failure.
PyObject* wrap_fitting(PyArrayObject* data, PyObject* aval);
/// A small writable ndarray that fits `aval`, its elements unset, left by an Array that
/// is gone; nullptr (without an exception) if there is none.
PyArrayObject* take_spare(ShapedArray* aval);
/// Drops the memory of a concrete array, which is deleted from now on.
bool delete_array(ConcreteArray* array);
/// The ndarray of a concrete array, borrowed; RuntimeError if it was deleted.
PyArrayObject* array_data(ConcreteArray* array);
/// The aval of a concrete array, borrowed.
PyObject* array_aval(ConcreteArray* array);

// --- conversions of concrete arrays (array_protocols.cpp), also used by tracers

extern PyMethodDef array_protocol_methods[];
PyObject* array_to_bool_object(PyObject* self);
int array_bool(PyObject* self);
PyObject* array_int(PyObject* self);
PyObject* array_float(PyObject* self);
PyObject* array_complex(PyObject* self);
PyObject* array_index(PyObject* self);
Py_ssize_t array_length(PyObject* self);
PyObject* array_iter(PyObject* self);
int array_getbuffer(PyObject* self, Py_buffer* view, int flags);
PyObject* array_as_numpy(PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                         PyObject* kwnames);
PyObject* array_item(PyObject* self, PyObject* const* args, Py_ssize_t nargs);
PyObject* array_tolist(PyObject* self, PyObject*);
/// Row `index` (in range) of an array of at least one dimension: a view, but a copy of
/// an element, which should not keep a whole array alive.
PyObject* array_row(ConcreteArray* array, Py_ssize_t index);
/// An iterator over the leading axis of a concrete array or tracer with `length` rows.
PyObject* make_row_iterator(PyObject* array, Py_ssize_t length);

// --- text and exchange (array_text.cpp, array_exchange.cpp)

PyObject* array_repr(PyObject* self);
PyObject* array_str(PyObject* self);
PyObject* array_format(PyObject* self, PyObject* spec);
PyObject* array_dlpack(PyObject* self, PyObject* args, PyObject* kwargs);
PyObject* array_dlpack_device(PyObject* self, PyObject*);
PyObject* array_reduce(PyObject* self, PyObject*);

// --- operators (operators.cpp, eager_operators.cpp)

/// The operators of Array, in the order of `operator_names`.
enum Op {
    kAdd,
    kSubtract,
    kMultiply,
    kTrueDivide,
    kFloorDivide,
    kRemainder,
    kDivmod,
    kPower,
    kMatmul,
    kAnd,
    kOr,
    kXor,
    kLeftShift,
    kRightShift,
    kNegative,
    kPositive,
    kAbsolute,
    kInvert,
    kEqual,
    kNotEqual,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kGetitem,
    kOpCount
};
extern const char* const operator_names[kOpCount];
extern PyType_Slot array_operator_slots[];
/// Number of entries of array_operator_slots, without a terminator.
extern const int array_operator_slot_count;
/// array[key] by the installed function.
PyObject* array_subscript(PyObject* array, PyObject* key);
/// install(operators, methods) -> the functions installed before.
PyObject* install(PyObject*, PyObject* args, PyObject* kwargs);

/// What the fast path answers when an operation is not its business.
enum class Eager { kDone, kDeclined };
/// Tries `a op b` on raw NumPy arrays. On kDone, *result is the new reference, or
/// nullptr with an exception. The thread must have no dynamic trace.
Eager eager_binary(Op op, PyObject* a, PyObject* b, PyObject** result);
Eager eager_unary(Op op, PyObject* a, PyObject** result);
/// `x op y` for small contiguous arrays of one dtype (eager_kernels.cpp). Where y is
/// null the other operand is the Python number `scalar`, which fits the dtype, on the
/// left if `scalar_left`; where both are null the operator is unary. On kDone, *result
/// is a new ndarray or nullptr with an exception.
Eager small_kernel(Op op, PyArrayObject* x, PyArrayObject* y, PyObject* scalar,
                   bool scalar_left, PyObject** result);
/// Where `function` is the ufunc of an operator that has kernels and the arguments are
/// small arrays of one dtype: *result is the new ndarray or nullptr with an exception.
Eager evaluate_small(PyObject* function, PyObject* const* args, Py_ssize_t nargs,
                     PyObject** result);
/// The product of vectors and matrices over dimension i of x and j of y, where they are
/// small (eager_products.cpp). On kDone, *result is a new ndarray or nullptr.
Eager small_product(PyArrayObject* x, PyArrayObject* y, npy_intp i, npy_intp j,
                    PyObject** result);
/// Stores a Python scalar, already found to fit, as an element of dtype number `type`
/// (float, double, int or long).
void store_scalar(PyObject* scalar, int type, void* out);
bool init_eager_operators(PyObject* module);
bool init_eager_products(PyObject* module);

// --- thread state and evaluation (state.cpp)

struct ThreadState {
    PyObject* dynamic = nullptr;  // owned; the trace that sees every operation, or null
    PyObject* context = nullptr;  // borrowed from the Python thread state's dict
    std::uint64_t context_owner = 0;  // id of that Python thread state
    int depth = 0;                    // evaluations in progress in `context`
    std::uint64_t epoch = 0;  // of the configuration that the next three belong to
    std::uint64_t token = 0;
    bool x64 = false;
    bool absorbing = false;  // derivatives in which exact zeros absorb
};
#if defined(__GNUC__)
__attribute__((tls_model("initial-exec")))
#endif
extern thread_local ThreadState thread_state;

/// Runs its scope in a context where NumPy reports no floating-point condition; the
/// user's own np.errstate is neither seen nor changed. Nested scopes cost nothing.
class Silence {
  public:
    Silence();
    ~Silence();
    Silence(const Silence&) = delete;
    Silence& operator=(const Silence&) = delete;
    /// False if the context could not be entered; a Python exception is set.
    bool ok() const { return ok_; }

  private:
    PyObject* entered_ = nullptr;
    bool ok_ = true;
};

/// The hook set by set_hooks under this name, borrowed; RuntimeError if there is none.
enum Hook { kLeaked, kCollective, kRefused, kConfiguration, kAsArray, kHookCount };
PyObject* hook(Hook which);
bool init_state();
extern std::uint64_t configuration_epoch;
/// Sets thread_state's token, x64 and absorbing by the hook 'configuration'.
bool ask_configuration();
/// Brings thread_state's token and x64 up to date: a program compiled under a token is
/// valid under it; token 0 stands for a configuration that only Python serves. False
/// with an exception. Costs a comparison as long as no option has changed.
inline bool refresh_configuration() {
    return thread_state.epoch == configuration_epoch || ask_configuration();
}
/// configuration_changed(): some option of some thread has another value.
PyObject* configuration_changed(PyObject*, PyObject*);
/// set_hooks(hooks) -> the hooks set before.
PyObject* set_hooks(PyObject*, PyObject* hooks);
PyObject* swap_dynamic(PyObject*, PyObject* trace);
PyObject* current_dynamic(PyObject*, PyObject*);
PyObject* silently(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* names);
/// Frames (frames.cpp).
PyObject* set_internal_prefix(PyObject*, PyObject* prefix);
PyObject* user_frame(PyObject*, PyObject*);
/// The code object of the innermost frame of the user's, with the instruction offset;
/// nullptr without an exception if there is none.
PyObject* find_user_frame(int* offset);

// --- types of results (inference.cpp)

/// The aval of the output (or a list of avals) by the primitive's shape rule, which may
/// raise; remembered. `avals` is a tuple, `params` a dict.
PyObject* infer(PyObject* primitive, PyObject* avals, PyObject* params);
/// The dict of keyword arguments of a vectorcall: `names` with `values`; names may be
/// null.
PyObject* params_of(PyObject* const* values, PyObject* names);
/// Primitive.out_aval(avals, params) and Primitive.bind(*args, **params).
PyObject* out_aval_method(PyObject* self, PyObject* const* args, Py_ssize_t nargs);
PyObject* bind_method(PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                      PyObject* names);
bool init_inference();
/// The offset of the slot `name` of instances of `type`, or -1 with an exception.
Py_ssize_t slot_offset(PyTypeObject* type, const char* name);

// --- registration: each creates its type and adds it to the module

bool init_avals(PyObject* module);
bool init_arrays(PyObject* module);
bool init_tracers(PyObject* module);
/// Tracer.__init_subclass__: prepares the fast construction of a subclass.
PyObject* prepare_tracer_subclass(PyObject* cls, PyObject* args, PyObject* kwargs);
bool init_primitives(PyObject* module);
bool init_row_iterator(PyObject* module);
bool init_records(PyObject* module);

/// A new heap type from `spec`, added to `module` under `name`; nullptr on failure.
PyTypeObject* add_type(PyObject* module, PyType_Spec* spec, PyTypeObject* base,
                       const char* name);
/// The attribute `name` of the importable module `module`; a new reference.
PyObject* import_attribute(const char* module, const char* name);
/// The exception that says that a deleted array was used; always returns nullptr.
std::nullptr_t raise_deleted(PyObject* aval);

}  // namespace chainrule
