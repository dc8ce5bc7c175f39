"""Rows that tests build for themselves, beside those of the registry."""

import dataclasses


def unregistered(row_class, **fields):
    """A row that is built for one test and stays out of the registry."""
    row = object.__new__(row_class)
    common = {"group": "test", "name": "row", "title": "a row"}
    for item in dataclasses.fields(row_class):
        if item.default is not dataclasses.MISSING:
            setattr(row, item.name, item.default)
        elif item.default_factory is not dataclasses.MISSING:
            setattr(row, item.name, item.default_factory())
    for name, value in {**common, **fields}.items():
        setattr(row, name, value)
    return row
