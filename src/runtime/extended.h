/// Extended dtypes: element types NumPy does not know, such as PRNG keys.
///
/// One is a Python object, the `dtype` of avals, registered for a structured np.dtype,
/// its layout: arrays of it hold ndarrays of that layout, so that whatever moves bytes
/// (reshape, slices, concatenation, gather) works on them unchanged. Registered
/// objects have `itemsize`, `array_text(data)` and `reduce_array(data)`.
#pragma once
#include "dispatch.h"

namespace chainrule {

/// Lets `extended` stand for the structured dtype `layout`; false with an exception.
bool add_extended_dtype(PyObject* layout, PyObject* extended);
/// The extended dtype of the elements of `data`, borrowed; null for numeric dtypes.
PyObject* extended_dtype(PyArrayObject* data);
/// repr and str of an array of an extended dtype.
PyObject* extended_text(PyArrayObject* data);
/// As array_data, but TypeError for an array of an extended dtype, which cannot be
/// converted to `target`.
PyArrayObject* numeric_data(ConcreteArray* array, const char* target);

}  // namespace chainrule
