"""Ground floor: dtypes, avals, primitives, traces, the IR, pytrees, errors, config."""
