"""Random programs of 5 to 15 operations: the short run. See __main__.py for long ones."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from . import control, properties
from .operations import BY_NAME, OPERATIONS
from .programs import Program, Step, programs

few = settings(
    max_examples=50,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@few
@given(programs())
def test_random_programs(program):
    properties.check(program)


@settings(few, max_examples=25)
@given(control.bodies(), st.sampled_from([(), (3,), (2, 2)]))
def test_random_control_flow(body, shape):
    """Branches and loops in each other, alone in a program."""
    properties.check(Program((shape,), (Step("controlled", (0,), {"body": body}),)))


@settings(few, max_examples=20)
@given(st.data())
def test_programs_are_mostly_away_from_kinks(data):
    """The comparison with finite differences takes place."""
    found = [data.draw(programs()) for _ in range(5)]
    with properties.cr.enable_x64(True):
        compared = [
            properties.gradient_is_finite_difference(p, p.inputs()) for p in found
        ]
    assert sum(compared) >= 3


def test_a_wrong_derivative_is_found():
    """The properties can fail: a rule that is off by a factor does not pass."""
    cr = properties.cr
    wrong = cr.custom_jvp(lambda x: properties.cnp.sin(x))
    wrong.defjvp(lambda p, t: (wrong(*p), 1.01 * t[0]))

    class Off(Program):
        def __call__(self, xp, *xs):
            out = super().__call__(xp, *xs)
            return out if xp is not properties.cnp else out + 0 * wrong(xs[0]).sum()

    class Shifted(Program):
        def __call__(self, xp, *xs):
            out = super().__call__(xp, *xs)
            extra = (wrong if xp is properties.cnp else xp.sin)(xs[0]).sum()
            return out + extra

    steps = (Step("sine", (0,), {}),)
    with cr.enable_x64(True):
        program = Off(((3,),), steps)
        assert properties.gradient_is_finite_difference(program, program.inputs())
        program = Shifted(((3,),), steps)
        try:
            properties.gradient_is_finite_difference(program, program.inputs())
        except AssertionError:
            return
    raise AssertionError("a derivative that is wrong by one percent was accepted")


def test_operations_have_names_of_their_own():
    assert len(BY_NAME) == len(OPERATIONS) > 50
