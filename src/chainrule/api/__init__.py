"""The transformations as users call them: on pytrees, with checks before any work.

Each module flattens arguments, runs the flat transformation of `transforms/`, and puts
the result back into the user's structure.
"""
