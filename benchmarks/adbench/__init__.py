"""The four problems of ADBench: objectives whose derivatives computer vision needs.

F. Srajer, Z. Kukelova, A. Fitzgibbon, A benchmark of selected algorithmic differentiation
tools on some problems in computer vision and machine learning, Optimization Methods and
Software 33 (2018). Written from the definitions given there, for any library with NumPy's
namespace, `grad`, `jvp` and `vmap`; inputs are drawn by seed, in the sizes and structures
of the paper. Every module has `inputs(size)`, `objective(lib, *inputs)` and
`derivative(lib, *inputs)`; `benchmarks/groups/adbench.py` makes rows of them.
"""
