// Records what Miniflare answers for the requests of cases.json: `node record.mjs NODE_MODULES > answers.json`.
import { createRequire } from "node:module";
import { mkdtempSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const require = createRequire(join(process.argv[2], "x.js"));
const { Miniflare } = require("miniflare");
const here = dirname(new URL(import.meta.url).pathname);
const cases = JSON.parse(readFileSync(join(here, "cases.json"), "utf8"));
const KEPT = ["location", "content-type", "cache-control", "x-one", "x-two", "x-file"];
const SCRIPT = `export default { async fetch(request, env) {
  const url = new URL(request.url);
  if (url.searchParams.has("ask")) return env.ASSETS.fetch(new URL(url.searchParams.get("ask"), url), { method: request.method, redirect: "manual" });
  return new Response("worker");
} }`;

// Not by fetch, which sets Sec-Fetch-Mode itself.
function ask(base, method, path, headers) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: base.hostname, port: base.port, method, path, headers: { host: "site.localhost", ...headers } }, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (chunk) => (body += chunk)).on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, body }));
    });
    request.on("error", reject).end();
  });
}

const out = [];
for (const site of cases) {
  const directory = mkdtempSync(join(tmpdir(), "assets-"));
  for (const [name, text] of Object.entries(site.files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  const first = site.run_worker_first;
  const routing = Array.isArray(first)
    ? { static_routing: { user_worker: first.filter((r) => !r.startsWith("!")), asset_worker: first.filter((r) => r.startsWith("!")).map((r) => r.slice(1)) } }
    : {};
  const mf = new Miniflare({
    modules: true, script: SCRIPT, compatibilityDate: "2026-08-01",
    assets: {
      directory, binding: "ASSETS",
      routerConfig: { has_user_worker: site.worker !== false, invoke_user_worker_ahead_of_assets: first === true, ...routing },
      assetConfig: { html_handling: site.html_handling, not_found_handling: site.not_found_handling, compatibility_date: "2026-08-01", compatibility_flags: [], debug: false },
    },
  });
  const answers = {};
  for (const asked of site.requests) {
    const [method, path, ...headers] = asked.split(" ");
    const got = await ask(await mf.ready, method, path, Object.fromEntries(headers.map((h) => h.split("="))));
    const kept = {};
    for (const name of KEPT) if (name in got.headers) kept[name] = got.headers[name];
    answers[asked] = { status: got.status, headers: kept, body: got.body };
  }
  await mf.dispose();
  out.push(answers);
}
process.stdout.write(JSON.stringify(out, null, 1) + "\n");
process.exit(0);
