"""Every registered primitive has samples, and every rule it lacks is declared so."""

import pytest

from chainrule.core.primitive import Missing, registry

from .cases import CASES

WITHOUT_SAMPLES = {}
"""Primitives without samples: name -> where they are tested instead."""


@pytest.mark.parametrize("name", sorted(registry))
def test_primitive_has_samples(name):
    sampled = {c.sample.primitive for c in CASES if c.primitive is not None}
    for case in CASES:
        sampled.update(getattr(case.sample, "exercises", ()))
    if name in WITHOUT_SAMPLES:
        assert name not in sampled, f"{name} has samples; take it off the list"
    else:
        assert name in sampled, f"{name} has no sample in tests/samples"


def test_the_list_of_exceptions_names_primitives():
    assert set(WITHOUT_SAMPLES) <= set(registry)


@pytest.mark.parametrize("name", sorted(registry))
def test_primitive_is_documented_and_complete(name):
    prim = registry[name]
    assert prim.__doc__ and prim.abstract and callable(prim.evaluate)
    derivatives = (prim.partials, prim.linear, prim.bilinear, prim.jvp, prim.jvp_call)
    assert any(rule is not None and rule is not False for rule in derivatives)
    for rule in (prim.transpose, prim.batch, prim.jvp, prim.lower, prim.evaluate):
        if isinstance(rule, Missing):
            assert len(rule.reason.split()) > 1, f"{name}: say why a rule is missing"
