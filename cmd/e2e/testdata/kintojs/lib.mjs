// What the scenarios share: the clients as their users get them, a network
// that a scenario can look at, and outcomes in which nothing is left of one
// server's ids and times.

import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import { isDeepStrictEqual } from "node:util";
import path from "node:path";

const load = createRequire(path.join(process.env.STET_NPM, "package.json"));
load("fake-indexeddb/auto");
const pick = (module) => module.default ?? module;
export const Kinto = pick(load("kinto"));
export const KintoClient = pick(load("kinto-http"));
const mitt = pick(load("mitt"));

export const remote = process.env.STET_KINTOJS_URL; // ends in /v1
export const headers = { Authorization: "Basic " + Buffer.from(process.env.STET_KINTOJS_AUTH).toString("base64") };

// net is what every request of the clients goes through: fetch, and before it
// what a scenario puts in its way.
export const net = { limit: 0, requests: [], before: null, after: null };
const wire = globalThis.fetch;
export async function through(url, options = {}) {
  const at = new URL(String(url));
  const method = options.method ?? "GET";
  if (net.limit && method === "GET" && at.pathname.endsWith("/records") && !at.searchParams.has("_limit")) {
    at.searchParams.set("_limit", String(net.limit)); // as if the server had small pages
  }
  const seen = { method, path: at.pathname.replace(new URL(remote).pathname, ""), query: at.search, options };
  net.requests.push(seen);
  await net.before?.(seen);
  const answer = await wire(at, options);
  seen.status = answer.status;
  seen.headers = answer.headers;
  await net.after?.(seen);
  return answer;
}
globalThis.fetch = through;

let devices = 0;

// device is a kinto.js collection with a database of its own.
export function device(collection, options = {}, more) {
  const db = new Kinto({
    events: mitt(), remote, headers, bucket: "default", timeout: 30_000,
    adapterOptions: { dbName: `device-${process.pid}-${++devices}` }, ...options,
  });
  return db.collection(collection, more);
}

export const http = (options = {}) => new KintoClient(remote, { headers, ...options });

// fresh is the name of a collection that nobody has used.
let names = 0;
export const fresh = (what) => `${what}-${process.pid}-${Date.now().toString(36)}-${++names}`;

// Ids and times get names in the order in which they are first told: what is
// the same stays the same. Times of one collection also keep their order,
// which is asked for where it counts.
let known = new Map();
const named = (kind, value) => {
  const key = kind + value;
  if (!known.has(key)) known.set(key, `${kind}${[...known.keys()].filter((k) => k.startsWith(kind)).length + 1}`);
  return known.get(key);
};
const secret = (s) => s
  .replaceAll(remote, "URL").replaceAll(new URL(remote).pathname, "/v1")
  .replace(/\b[\w-]+-\d+-[a-z0-9]{6,9}-\d+\b/g, "COLLECTION")
  .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, (id) => named("id", id))
  .replace(/\b(basicauth:[0-9a-f]{64}|account:[\w-]+)/g, "ME")
  .replace(/\b1\d{12}\b/g, (t) => named("t", t))
  .replace(/_token=[^&"]*/g, "_token=TOKEN");

// plain is a value without what differs from server to server, members sorted.
export function plain(v) {
  if (typeof v === "string") return secret(v);
  if (typeof v === "number") return v > 1e12 && v < 2e12 ? named("t", v) : v;
  if (Array.isArray(v)) return v.map(plain);
  if (v && typeof v === "object") {
    const out = {};
    for (const key of Object.keys(v).sort()) if (v[key] !== undefined) out[secret(key)] = plain(v[key]);
    return out;
  }
  return v;
}

let scenario = "";
export function say(what, ...values) {
  process.stdout.write([scenario, what, ...values.map((v) => JSON.stringify(plain(v)))].join(" | ") + "\n");
}

// run runs scenarios by name. One that throws ends the program: on every
// server each of them comes to its end.
export async function run(scenarios) {
  const only = process.env.STET_KINTOJS_ONLY;
  for (const [name, scene] of Object.entries(scenarios)) {
    if (only && !name.includes(only)) continue;
    scenario = name;
    known = new Map();
    Object.assign(net, { limit: 0, requests: [], before: null, after: null });
    await scene();
  }
}

// refused runs something that fails, and returns how.
export async function refused(doing) {
  try {
    return { done: await doing() };
  } catch (err) {
    const body = err.data ?? err.error?.data;
    if (body?.errno === 107) { // what is wrong counts, not in which words
      return { code: body.code, errno: body.errno, error: body.error, details: body.details?.map(({ location, name }) => ({ location, name })) };
    }
    return body ? { message: err.message, body: { ...body, info: undefined } } : { thrown: err.message, stack: process.env.STET_KINTOJS_DEBUG && err.stack };
  }
}

// summary is the outcome of a sync of kinto.js.
export function summary(r) {
  const ids = (list) => list.map((x) => x?.id ?? x?.new?.id ?? x?.local?.id).sort();
  const out = { ok: r.ok };
  for (const list of ["created", "updated", "deleted", "published", "skipped", "void"]) if (r[list]?.length) out[list] = ids(r[list]);
  if (r.conflicts.length) {
    out.conflicts = r.conflicts.map((c) => ({ type: c.type, local: bare(c.local), remote: c.remote && bare(c.remote) })).sort(byText);
  }
  if (r.resolved.length) out.resolved = r.resolved.map((c) => ({ ...c, accepted: bare(c.accepted), rejected: bare(c.rejected) })).sort(byText);
  if (r.errors.length) out.errors = r.errors.map((e) => ({ type: e.type, message: e.message, error: e.error }));
  return out;
}

const byText = (a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

// bare is a record without its time.
const bare = (r) => (r ? { ...r, last_modified: r.last_modified === undefined ? undefined : "time" } : r);

// content is what a kinto.js collection holds, ordered by id.
export async function content(collection) {
  const { data } = await collection.list({ order: "id" });
  return data.map(({ last_modified, ...rest }) => rest);
}

export async function same(a, b) {
  return isDeepStrictEqual(await content(a), await content(b));
}

// uuid makes ids that order as they count, as kinto.js wants them.
export const uuid = (n) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
