// Asks an exported worker in real Pyodide, under Node, with KV from Miniflare: node run.mjs PLAN.json
// The plan: {"workers": {name: folder}, "ask": name, "requests": [{method, path, body: text}], "packages": folder,
// "routes": [{prefix, folder} or {prefix, answers: [{status, headers, body}]}]}. Workers bound by `services` get a Pyodide
// each; equal KV ids are one namespace.
// Prints one JSON line per request: {status, type, body, stored}; `stored` is what lies in RESULT_CACHE under output_ref.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

// The packages lie where the person installed them, not beside this file.
const home = createRequire(path.join(process.env.SANDBOX_ORACLE, "package.json"));
const load = name => import(pathToFileURL(home.resolve(name)).href);
const { loadPyodide } = await load("pyodide/pyodide.mjs");
const { Miniflare } = (await load("miniflare")).default;

const plan = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const read = name => JSON.parse(fs.readFileSync(path.join(plan.workers[name], "wrangler.jsonc"), "utf8"));
const ids = Object.keys(plan.workers).flatMap(name => (read(name).kv_namespaces ?? []).map(each => each.id));
const platform = new Miniflare({
  modules: true,
  script: "export default { fetch() { return new Response(null, { status: 404 }) } }",
  compatibilityDate: "2026-01-01",
  kvNamespaces: [...new Set(ids)],
});

// The SDK looks at constructor.name, which Miniflare's proxies do not have from workerd.
class KvNamespace {
  #proxy;
  constructor(proxy) { this.#proxy = proxy; }
  get(...given) { refuseAtStart(); return this.#proxy.get(...given); }
  getWithMetadata(...given) { refuseAtStart(); return this.#proxy.getWithMetadata(...given); }
  put(...given) { refuseAtStart(); return this.#proxy.put(...given); }
  delete(...given) { refuseAtStart(); return this.#proxy.delete(...given); }
  list(...given) { refuseAtStart(); return this.#proxy.list(...given); }
}
class Fetcher {
  #ask;
  constructor(ask) { this.#ask = ask; }
  fetch(target, options) { refuseAtStart(); return this.#ask(new Request(target, options)); }
}

// While a worker's modules are imported Cloudflare allows neither chance nor input and output.
let starting = null;
function refuseAtStart() {
  if (starting) throw new Error(`Disallowed operation called within global scope, of ${starting}`);
}

// No network: what no route answers is 404.
globalThis.fetch = (target, options) => {
  refuseAtStart();
  return outside(target, options);
};
const outside = async (target, options) => {
  const url = new Request(target, options).url;
  const route = plan.routes.find(each => url.startsWith(each.prefix));
  if (route?.answers) {
    const { body, ...rest } = route.answers.length > 1 ? route.answers.shift() : route.answers[0];
    return new Response(body, rest);
  }
  const file = route && path.join(route.folder, path.basename(new URL(url).pathname));
  if (!file || !fs.existsSync(file)) return new Response("not found", { status: 404 });
  return new Response(fs.readFileSync(file), { headers: { "content-type": "application/xml" } });
};

const pending = [];
class ExecutionContext {
  waitUntil(promise) { pending.push(Promise.resolve(promise?.copy?.() ?? promise).catch(() => undefined)); }
  passThroughOnException() {}
}
const context = new ExecutionContext();
const promising = async (callable, ...given) =>
  callable.callPromising && WebAssembly.Suspending ? await callable.callPromising(...given) : await callable(...given);

// A worker in a Pyodide of its own: its env and a function from Request to Response.
async function start(name) {
  const folder = plan.workers[name], config = read(name), env = { ...(config.vars ?? {}) };
  for (const { binding, id } of config.kv_namespaces ?? []) {
    env[binding] = new KvNamespace(await platform.getKVNamespace(id));
  }
  for (const { binding, service } of config.services ?? []) env[binding] = new Fetcher((await start(service)).ask);
  const python = await loadPyodide({ stdout: text => console.error(text), stderr: text => console.error(text) });
  python.registerJsModule("_pyodide_entrypoint_helper", {
    doAnImport: module => import(module),
    cloudflareWorkersModule: { env, waitUntil: promise => context.waitUntil(promise) },
    cloudflareSocketsModule: {},
    patchWaitUntil() {},
  });
  python.registerJsModule("_cloudflare_compat_flags", {
    ...Object.fromEntries((config.compatibility_flags ?? []).map(flag => [flag, true])),
    python_request_headers_preserve_commas: true,
  });
  // What was uploaded has its packages beside its code; what was only exported takes those of the plan.
  const code = path.join(folder, path.dirname(config.main)), vendored = path.join(code, "python_modules");
  const roots = [code, fs.existsSync(vendored) ? vendored : plan.packages];
  roots.forEach((root, at) => {
    python.FS.mkdirTree(`/mounted/${at}`);
    python.mountNodeFS(`/mounted/${at}`, root);
  });
  python.globals.set("main", path.basename(config.main, ".py"));
  python.runPython(`
import importlib, os, random, sys
sys.path[:0] = ["/mounted/0", "/mounted/1"]
sys.dont_write_bytecode = True

def refuse(size):
    raise OSError(29, "Randomness is not allowed while a Worker is starting")

def load():
    allowed, state = os.urandom, random.getstate()
    os.urandom = random._urandom = refuse
    try:
        module = importlib.import_module(main)
    finally:
        os.urandom = random._urandom = allowed
    if random.getstate() != state:
        refuse(0)
    return module

def construct(module, ctx, env):
    return module.Default(ctx, env)

async def ask(worker, request):
    from workers import python_from_rpc, python_to_rpc
    return python_to_rpc(await worker.fetch(python_from_rpc(request)))
`);
  starting = name;
  const module = await promising(python.globals.get("load"));
  starting = null;
  const worker = await promising(python.globals.get("construct"), module, context, env);
  const answer = python.globals.get("ask");
  const ask = async request => {
    const given = await promising(answer, worker, request);
    return given?.js_response ?? given;
  };
  return { ask, env };
}

// Node would show an error by the line of Pyodide in which it was thrown, which has two million characters.
process.on("uncaughtException", error => {
  fs.writeSync(2, `${error.name}: ${error.message}\n`);
  process.exit(1);
});

const { ask, env } = await start(plan.ask);
for (const { method, path: where, body } of plan.requests) {
  const given = body === undefined ? {} : { body, headers: { "content-type": "application/json" } };
  const response = await ask(new Request(`http://worker.test${where}`, { method, ...given }));
  const text = await response.text();
  await Promise.all(pending.splice(0));
  let stored = null;
  try {
    const reference = JSON.parse(text).output_ref;
    if (reference?.storage_type === "reference") stored = await env.RESULT_CACHE.get(reference.ref_id);
  } catch { /* no JSON: the text itself is compared */ }
  console.log(JSON.stringify({ status: response.status, type: response.headers.get("content-type"), body: text, stored }));
}
await platform.dispose();
process.exit(0);
