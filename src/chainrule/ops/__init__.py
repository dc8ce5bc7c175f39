"""First-order primitives, a file per family; each record holds all rules of its op."""
