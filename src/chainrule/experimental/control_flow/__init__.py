"""Python control flow that traced values decide: `jit(f, control_flow="convert")`.

The way of a function: sources.py finds its definition, rewriting.py makes calls of its
statements and expressions.py of its operators, conversion.py compiles it again and says
what it calls. When it runs, branches.py, loops.py and operators.py carry out what is known
as Python and stage what is traced; changes.py refuses what would take effect on paths
that are not taken. docs/control_flow.md says what may be expected.
"""
