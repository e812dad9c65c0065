"""Configuration files -> frozen models (`models`), read and checked by `load`."""
