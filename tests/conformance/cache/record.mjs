// Records what Miniflare's cache answers for cases.json: `node record.mjs NODE_MODULES > answers.json`.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
const require = createRequire(process.argv[2] + "/x.js");
const { Miniflare } = require("miniflare");
const SCRIPT = `export default { async fetch(request) {
  const asks = await request.json(); const out = [];
  let n = 0;
  for (const a of asks) {
    const url = "https://example.com/" + (n++);
    const r = (h, m) => new Request(url, { method: m || "GET", headers: h || {} });
    let put = null, got = null;
    try { await caches.default.put(r(a.request, a.method), new Response(a.status === 204 ? null : "kept", { status: a.status || 200, headers: a.headers })); } catch (e) { put = String(e); }
    try { const f = await caches.default.match(r(a.match)); if (f) got = [f.status, Object.fromEntries(f.headers), await f.text()]; } catch (e) { got = String(e); }
    out.push([put, got]);
  }
  return Response.json(out);
} }`;
const asks = JSON.parse(readFileSync(new URL("cases.json", import.meta.url)));
const mf = new Miniflare({ modules: true, script: SCRIPT, compatibilityDate: "2026-08-01" });
const got = await mf.dispatchFetch("http://x/", { method: "POST", body: JSON.stringify(asks) });
process.stdout.write(JSON.stringify(await got.json(), null, 1) + "\n");
await mf.dispose(); process.exit(0);
