"""From a worker's folder to running code: isolated imports, generations, reloads, output, failures."""
