"""Chainrule's benchmarks: what a call costs, beside the libraries people would use instead.

    python -m benchmarks --only eager --peers jax,torch,autograd,numba,numpy

Every library runs in a process of its own, and the processes take turns: one repetition
here, one there, so that a noisy moment of the machine falls on all alike. Before a row is
timed, the libraries' results are compared; a row whose results differ is not timed.

`rows` declares what a row is, `groups/` holds the rows, `worker` runs inside a library's
process, `turns` drives the workers, `report` prints. How to repeat a table:
docs/benchmarks.md.
"""
