"""How accurate the mathematical functions are: errors in ulp against mpmath.

`python -m tests.accuracy` measures many samples and writes docs/accuracy.md; the tests
in tests/compiler/test_mathematics.py take few.
"""
