"""Error classes that transformations raise; each documents its cause and remedy."""

from .core.errors import ConcretizationTypeError as ConcretizationTypeError
from .core.errors import (
    InconclusiveDimensionOperation as InconclusiveDimensionOperation,
)
from .core.errors import JAXIndexError as JAXIndexError
from .core.errors import JaxprTypeError as JaxprTypeError
from .core.errors import JaxRuntimeError as JaxRuntimeError
from .core.errors import JAXTypeError as JAXTypeError
from .core.errors import KeyReuseError as KeyReuseError
from .core.errors import NonConcreteBooleanIndexError as NonConcreteBooleanIndexError
from .core.errors import TracerArrayConversionError as TracerArrayConversionError
from .core.errors import TracerBoolConversionError as TracerBoolConversionError
from .core.errors import TracerIntegerConversionError as TracerIntegerConversionError
from .core.errors import UnexpectedTracerError as UnexpectedTracerError
