"""The modules worker code imports that do not exist outside of Pyodide."""
