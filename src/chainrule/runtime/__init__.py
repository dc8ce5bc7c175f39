"""The C++ runtime: arrays, dispatch, pytrees and numerical kernels.

Everything here is compiled (sources in src/runtime); it imports nothing of the
package, so that `core` may stand on it.
"""
