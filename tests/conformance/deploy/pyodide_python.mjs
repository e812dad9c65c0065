// Pyodide as a command `python`, for tools that ask an interpreter what it is: node pyodide_python.mjs EXECUTABLE ARGUMENT...
// What uv downloads from Pyodide's releases does the same; here it comes from the npm package in $SANDBOX_ORACLE.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const home = createRequire(path.join(process.env.SANDBOX_ORACLE, "package.json"));
const { loadPyodide } = await import(pathToFileURL(home.resolve("pyodide/pyodide.mjs")).href);
const [executable, ...args] = process.argv.slice(2);

// The machine's folders, so that paths mean the same inside; but not those that Pyodide has itself.
const own = new Set(["dev", "proc", "sys", "lib"]);
const folders = fs.readdirSync("/").filter(name => {
  return !own.has(name) && fs.statSync(`/${name}`, { throwIfNoEntry: false })?.isDirectory();
});
const python = await loadPyodide({
  args,
  _sysExecutable: executable,
  env: { ...process.env, HOME: process.cwd() },
  fsInit: async FS => {
    for (const name of folders) {
      FS.mkdirTree(`/${name}`);
      FS.mount(FS.filesystems.NODEFS, { root: `/${name}` }, `/${name}`);
    }
  },
});
python.setStdout();
python.setStderr();
process.exit(python._module._run_main());
