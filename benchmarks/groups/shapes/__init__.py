"""Cases of many and odd shapes, a module a family; `benchmarks.shapes` says what they are.

They are left out of a run that names no groups: `python -m benchmarks --groups shapes`.
"""
