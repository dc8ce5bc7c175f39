"""Passes over the IR, before it is lowered: each takes a program and returns one.

A pass keeps types, results and effects; tests run the type checker after each. Their
order stands in `pipeline`.
"""
