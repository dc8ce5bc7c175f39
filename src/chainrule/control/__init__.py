"""Higher-order primitives, whose rules transform the programs they hold."""
