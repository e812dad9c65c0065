"""What editors and type checkers read: a worker's `env`, and the modules that exist only inside the runtime.

`stubs/` holds `js`, `pyodide` and `workers` as type stubs; `sandbox types` copies them into the project.
"""
