from pyodide import code as code, ffi as ffi, http as http, webloop as webloop

__version__: str
