// What kinto-http sees of a server.

import { fresh, http, net, plain, refused, remote, run, say, headers, KintoClient } from "./lib.mjs";

const client = http();
const open = (what) => client.bucket("default").collection(fresh(what));
const ids = (list) => list.map((r) => (r.deleted ? "-" : "") + r.id);
const falling = (list) => list.every((r, i) => i === 0 || r.last_modified < list[i - 1].last_modified);
const last = () => net.requests.at(-1);

// filled is a collection of n records; the times are those of their order.
async function filled(what, n) {
  const c = open(what);
  await c.batch((b) => {
    for (let i = 0; i < n; i++) b.createRecord({ id: `r${String(i).padStart(2, "0")}`, n: i, word: ["ant", "bee", "cat"][i % 3], tags: i % 2 ? ["odd"] : ["even", "all"], deep: { x: i % 4 } });
  }, { aggregate: true });
  return c;
}

await run({
  async "server info"() {
    const info = await client.fetchServerInfo();
    for (const name of ["project_name", "project_version", "http_api_version", "project_docs", "url"]) say(name, typeof info[name]);
    say("url", info.url === remote + "/");
    const sorted = (user) => ({ ...user, principals: user.principals.sort() });
    say("user", sorted(info.user));
    say("settings", await client.fetchServerSettings());
    const caps = await client.fetchServerCapabilities();
    say("capabilities", typeof caps, Object.keys(caps).filter((c) => ["default_bucket", "flush_endpoint"].includes(c)).sort(), Object.values(caps).every((c) => typeof c.description === "string"));
    say("api version", await client.fetchHTTPApiVersion());
    say("fetchUser", sorted(await client.fetchUser()));
    const stranger = new KintoClient(remote);
    say("a stranger", (await stranger.fetchServerInfo()).user === undefined);
    say("a stranger's list", await refused(() => stranger.bucket("default").collection("x").listRecords()));
    say("challenge", last().headers.get("www-authenticate")?.split(" ")[0]);
    const unreadable = new KintoClient(remote, { headers: { Authorization: "Basic %%%" } });
    say("credentials that are none", await refused(() => unreadable.bucket("default").collection("x").listRecords()));
  },

  async "buckets and collections"() {
    const bucket = client.bucket("default");
    const name = fresh("made");
    say("created", await bucket.createCollection(name, { data: { color: "red" } }));
    say("again", await bucket.createCollection(name, { data: { color: "blue" } }).then((r) => r.data.color));
    say("again, safely", await refused(() => bucket.createCollection(name, { safe: true, data: {} })));
    const c = bucket.collection(name);
    say("data", await c.getData());
    say("permissions", await c.getPermissions());
    say("patched", (await c.setData({ size: 2 }, { patch: true })).data);
    say("put", (await c.setData({ only: 1 })).data);
    const old = await c.getData();
    await c.setData({ only: 2 });
    say("stale", await refused(() => c.setData({ ...old, only: 3 }, { safe: true })));
    say("listed", (await bucket.listCollections()).data.filter((x) => x.id === name));
    say("named", (await bucket.listCollections({ filters: { id: name } })).data.length);
    say("bucket", Object.keys(await bucket.getData()).sort());
    const real = (await client.fetchUser()).bucket;
    say("same bucket by its id", (await client.bucket(real).collection(name).getData()).only);
    say("bucket's permissions", await bucket.getPermissions());
    say("buckets", (await client.listBuckets()).data.filter((b) => b.id === real).length);
    say("another bucket", await refused(() => client.bucket("somebody-elses").collection("x").listRecords()));
    say("another bucket's data", await refused(() => client.bucket("somebody-elses").getData()));
    say("no such collection by the real id", await refused(() => client.bucket(real).collection("never-made").listRecords()));
    say("a bad name", await refused(() => bucket.collection("_bad").listRecords()));
    await c.createRecord({ id: "inside" });
    say("deleted", (await bucket.deleteCollection(name)).data);
    say("gone by the real id", await refused(() => client.bucket(real).collection(name).listRecords()));
    say("empty afterwards", (await c.listRecords({ since: "0" })).data);
    say("groups", (await bucket.createGroup("friends", ["basicauth:x"])).data.members, (await bucket.listGroups()).data.map((g) => g.id), (await bucket.deleteGroup("friends")).data.deleted);
  },

  async "one record"() {
    const c = open("one");
    const made = await c.createRecord({ id: "first", title: "one", n: 1, deep: { a: [1, { b: null }] } });
    say("created", made);
    say("without an id", await c.createRecord({ title: "x" }));
    say("created again", (await c.createRecord({ id: "first", title: "other" })).data.title);
    say("created again, safely", await refused(() => c.createRecord({ id: "first", title: "third" }, { safe: true })));
    const now = (await c.getRecord("first")).data;
    say("updated", await c.updateRecord({ ...now, title: "two" }, { safe: true }));
    say("stale", await refused(() => c.updateRecord({ ...now, title: "three" }, { safe: true })));
    say("unsafe", (await c.updateRecord({ ...now, title: "three" })).data.title);
    say("by time", await refused(() => c.updateRecord({ id: "first", title: "x" }, { safe: true, last_modified: 1234567890123 })));
    say("patched", (await c.updateRecord({ id: "first", extra: true }, { patch: true })).data);
    say("patch of nothing", await refused(() => c.updateRecord({ id: "nobody", extra: true }, { patch: true })));
    say("a safe update of nothing", await refused(() => c.updateRecord({ id: "nobody", last_modified: 1234567890123 }, { safe: true })));
    say("fields", (await c.getRecord("first", { fields: ["title", "deep.a"] })).data);
    say("nobody", await refused(() => c.getRecord("nobody")));
    say("a bad id", await refused(() => c.getRecord("_bad")));
    say("a bad id written", await refused(() => c.createRecord({ id: "not good" })));
    const stand = (await c.getRecord("first")).data;
    say("stale delete", await refused(() => c.deleteRecord({ id: "first", last_modified: now.last_modified }, { safe: true })));
    say("deleted", await c.deleteRecord(stand, { safe: true }));
    say("deleted again", await refused(() => c.deleteRecord("first")));
    say("deleted again, safely", await refused(() => c.deleteRecord(stand, { safe: true })));
    say("tombstone", (await c.listRecords({ since: "0" })).data.filter((r) => r.id === "first"));
    say("not listed", ids((await c.listRecords()).data).length);
    say("made again", (await c.createRecord({ id: "first", title: "back" }, { safe: true })).data);
    say("no tombstone any more", (await c.listRecords({ since: "0" })).data.filter((r) => r.deleted));
    say("texts", (await c.createRecord({ id: "texts", t: "äöü 漢字 🎉 <b>&amp;</b> \u0001 \\ \" \u2028", big: 12345678901234567890, f: 1.5, e: "", n: null, l: [], o: {} })).data);
    say("read back", (await c.getRecord("texts")).data);
  },

  async "lists"() {
    const c = await filled("lists", 21);
    const all = await c.listRecords();
    say("newest first", ids(all.data), falling(all.data));
    say("its time is the newest", all.last_modified === String(all.data[0].last_modified));
    say("total", await c.getTotalRecords(), all.totalRecords ?? null);
    say("timestamp", (await c.getRecordsTimestamp()) === `"${all.last_modified}"`, all.hasNextPage);
    for (const sort of ["n", "-n", "word,-n", "-word,n", "last_modified", "deep.x,n"]) say(`sort ${sort}`, ids((await c.listRecords({ sort })).data));
    const filters = [{ word: "ant" }, { n: 3 }, { not_word: "ant" }, { min_n: 18 }, { max_n: 2 }, { gt_n: 18 }, { lt_n: 2 }, { in_n: "1,2,30" }, { exclude_n: "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15" },
      { in_id: "r01,r02,nobody" }, { exclude_id: "r00,r01" }, { like_word: "a" }, { like_word: "c*" }, { like_word: "*e" }, { has_word: true }, { has_nothing: true }, { has_nothing: false },
      { contains_tags: "[\"even\",\"all\"]" }, { contains_tags: "odd" }, { contains_any_tags: "[\"odd\",\"all\"]" }, { "deep.x": 2 }, { word: "ant", min_n: 10 }, { n: "three" }];
    for (const f of filters) say(`filter ${JSON.stringify(f)}`, ids((await c.listRecords({ filters: f, sort: "n" })).data));
    say("fields", (await c.listRecords({ fields: ["n", "deep.x"], sort: "n", limit: 2 })).data);
    for (const q of [{ _limit: "-1" }, { _limit: "x" }, { _since: "x" }, { _since: "-1" }, { _before: "y" }, { _token: "none" }, { _since: "99999999999999" }]) {
      say(`refused ${JSON.stringify(q)}`, await refused(() => c.listRecords({ filters: q })));
    }
    const middle = all.data[10].last_modified;
    say("since", ids((await c.listRecords({ since: String(middle), sort: "n" })).data));
    say("since in quotes", ids((await c.listRecords({ filters: { _since: `"${middle}"` }, sort: "n" })).data));
    say("before", ids((await c.listRecords({ filters: { _before: String(middle) }, sort: "n" })).data));
    say("since now", (await c.listRecords({ since: all.last_modified })).data);
    const gone = (await c.deleteRecord("r05")).data;
    say("the deleted since", (await c.listRecords({ since: all.last_modified })).data);
    say("moves on", gone.last_modified > Number(all.last_modified), (await c.listRecords()).last_modified === String(gone.last_modified));
    say("total then", await c.getTotalRecords());
    const raw = (head) => fetch(`${remote}/buckets/default/collections/${c.name}/records`, { headers: { ...headers, ...head } });
    const stamp = (await raw({})).headers.get("etag");
    for (const head of [{ "If-None-Match": stamp }, { "If-None-Match": '"1"' }, { "If-None-Match": "*" }, { "If-None-Match": "1" }, { "If-None-Match": `W/${stamp}` }, { "If-Match": stamp }, { "If-Match": '"1"' }]) {
      const answer = await raw(head);
      const body = await answer.text();
      say(`with ${JSON.stringify(head).replace(/\d{13}/, "T")}`, answer.status, answer.headers.get("etag") === stamp, answer.status === 412 ? JSON.parse(body) : body === "");
    }
  },

  async "pages"() {
    const c = await filled("pages", 23);
    for (const [sort, limit] of [["-last_modified", 5], ["last_modified", 7], ["word,n", 4], ["-n", 22], ["n", 23], ["deep.x", 3]]) {
      let page = await c.listRecords({ sort, limit });
      const pages = [ids(page.data)];
      while (page.hasNextPage) {
        page = await page.next();
        pages.push(ids(page.data));
      }
      say(`sort ${sort} limit ${limit}`, pages);
      say("its address", sort === "word,n" ? plain(last().path).replace(/buckets\/[^/]+/, "buckets/B") : true);
    }
    say("two pages", ids((await c.listRecords({ limit: 5, pages: 2 })).data));
    say("all pages", ids((await c.listRecords({ limit: 5, pages: Infinity })).data));
    say("with a filter", ids((await c.listRecords({ limit: 3, pages: Infinity, filters: { word: "bee" } })).data));
    const before = (await c.listRecords()).last_modified;
    await c.deleteRecords({ filters: { max_n: 4 } });
    say("since, by pages", ids((await c.listRecords({ since: before, limit: 2, pages: Infinity })).data));
    say("deleted by pages", ids((await c.deleteRecords({ sort: "n", limit: 4 })).data), await c.getTotalRecords());
    say("no more", await refused(async () => (await c.listRecords({ limit: 100 })).next()));
  },

  async "batches"() {
    const c = open("several");
    say("thirty in two", await c.batch((b) => { for (let i = 0; i < 30; i++) b.createRecord({ id: `b${i}`, n: i }); }, { aggregate: true, safe: true })
      .then((r) => [r.published.length, r.conflicts, r.skipped, r.errors]));
    say("requests", net.requests.filter((r) => r.path === "/batch").length);
    const one = (await c.getRecord("b1")).data;
    await c.updateRecord({ ...one, n: "moved" });
    const two = (await c.getRecord("b2")).data;
    const mixed = await c.batch((b) => {
      b.createRecord({ id: "b0", n: "again" });
      b.updateRecord({ ...one, n: "stale" });
      b.deleteRecord({ id: "nobody", last_modified: 1234567890123 });
      b.deleteRecord(two);
      b.createRecord({ id: "not good" });
      b.createRecord({ id: "fine" });
    }, { aggregate: true, safe: true });
    say("mixed", mixed.published, mixed.conflicts, mixed.skipped, mixed.errors.map((e) => ({ path: e.path, errno: e.error.errno, code: e.error.code })));
    say("left", [await c.getTotalRecords(), (await c.getRecord("b1")).data.n, (await c.getRecord("fine")).data.id]);
    const parts = await c.batch((b) => { b.createRecord({ id: "raw", a: 1 }); b.updateRecord({ id: "raw", b: 2 }, { patch: true }); b.deleteRecord("raw"); b.deleteRecord("raw"); });
    say("parts", parts.map((p) => ({ status: p.status, path: p.path, body: p.body, etag: p.headers.ETag?.replaceAll('"', "") })));
    const post = async (body) => {
      const answer = await fetch(`${remote}/batch`, { method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify(body) });
      const out = await answer.json();
      return out.errno ? { status: answer.status, errno: out.errno } : out;
    };
    const path = `/buckets/default/collections/${c.name}/records`;
    say("too many", await post({ requests: Array(26).fill({ path: "/" }) }));
    say("none", await post({ requests: [] }));
    say("nested", await post({ requests: [{ path: "/batch", method: "POST", body: { requests: [] } }] }));
    say("unknown", await post({ requests: [], x: 1 }), await post({ requests: [{ path: "/", x: 1 }] }), await post({}));
    const several = await post({ defaults: { method: "PUT", body: { data: { d: 1 } } }, requests: [{ path: `${path}/x` }, { path: `/v1${path}/y`, body: { data: { e: 2 } } }, { path: `${path}/x`, method: "GET" }, { path: `${path}/x`, method: "HEAD" }, { path: "/nowhere", method: "GET" }, { path, method: "PUT" }] });
    say("defaults", several.responses.map((p) => ({ status: p.status, path: p.path, body: p.body })));
  },

  async "many at once"() {
    const c = await filled("many", 12);
    say("by a filter", ids((await c.deleteRecords({ filters: { word: "cat" } })).data).sort());
    say("left", ids((await c.listRecords({ sort: "n" })).data));
    const stamp = (await c.listRecords()).last_modified;
    say("all", ids((await c.deleteRecords()).data).sort());
    say("nothing", (await c.deleteRecords()).data);
    const gone = (await c.listRecords({ since: stamp })).data;
    say("tombstones", gone.length, new Set(gone.map((t) => t.last_modified)).size, gone.every((t) => Object.keys(t).sort().join() === "deleted,id,last_modified"));
    say("only those", ids((await c.listRecords({ since: "0", filters: { deleted: true }, sort: "id" })).data).length);
    say("total", await c.getTotalRecords());
  },

  async "wrong ways"() {
    const c = open("wrong");
    await c.createRecord({ id: "r" });
    const base = `/buckets/default/collections/${c.name}`;
    const raw = async (method, path, body, head) => {
      const answer = await fetch(remote + path, { method, redirect: "manual", headers: { ...headers, "Content-Type": "application/json", ...head }, body });
      const text = await answer.text();
      const out = answer.status === 307 ? { to: answer.headers.get("location") } : text && JSON.parse(text);
      const allow = answer.headers.get("allow")?.split(", ").sort();
      return [answer.status, answer.headers.get("content-type")?.split(";")[0] === "application/json" || answer.status === 307, allow ?? null, out.errno === 107 ? { errno: 107, where: [...new Set(out.details?.map((d) => `${d.location} ${d.name}`))] } : { ...out, info: undefined }];
    };
    for (const [method, path, body, head] of [
      ["PUT", `${base}/records`], ["PATCH", `${base}/records`], ["POST", `${base}/records/r`, "{}"], ["DELETE", "/"], ["POST", "/", "{}"], ["GET", "/batch"],
      ["GET", "/nowhere"], ["GET", "/buckets/default/nowhere"], ["GET", `${base}/records/r/more`], ["GET", `${base}/records/`], ["GET", `${base}/`],
      ["PUT", `${base}/records/r`, "{"], ["PUT", `${base}/records/r`, "[]"], ["PUT", `${base}/records/r`, '{"title":1}'], ["PUT", `${base}/records/r`, '{"data":[]}'],
      ["PUT", `${base}/records/r`, '{"data":{"id":"s"}}'], ["PATCH", `${base}/records/r`, "{}"], ["PUT", `${base}/records/r`, '{"data":{"x":1e999}}'], ["PUT", `${base}/records/r`, '{"data":{"x":"\\ud800"}}'],
      ["PUT", `${base}/records/r`, "{}", { "Content-Type": "text/plain" }], ["GET", `${base}/records/r`, undefined, { Accept: "text/html" }],
      ["PUT", `${base}/records/r`, "{}", { "If-Match": "abc" }], ["PUT", `${base}/records/r`, "{}", { "If-None-Match": "abc" }],
      ["GET", `${base}/records/%72`], ["GET", `${base}/records/a%2Fb`], ["GET", `${base}/records/r%00`], ["GET", `${base}/records/r?_fields=`],
    ]) say(`${method} ${path.replace(base, "C")} ${body ?? ""} ${head ? JSON.stringify(head) : ""}`, ...(await raw(method, path, body, head)));
    const patch = (type, body, more) => raw("PATCH", `${base}/records/r`, JSON.stringify(body), { "Content-Type": type, ...more });
    say("merge patch", ...(await patch("application/merge-patch+json", { data: { a: { b: 1, c: null }, d: 1 } })));
    say("merge patch removes", ...(await patch("application/merge-patch+json", { data: { a: { b: null }, d: null } })));
    say("json patch", ...(await patch("application/json-patch+json", [{ op: "add", path: "/data/list", value: [1] }, { op: "add", path: "/data/list/-", value: 2 }, { op: "test", path: "/data/list/1", value: 2 }])));
    say("json patch that fails", ...(await patch("application/json-patch+json", [{ op: "test", path: "/data/list/1", value: 3 }])));
    for (const behavior of ["light", "diff", "full"]) say(`behavior ${behavior}`, ...(await patch("application/json", { data: { z: behavior } }, { "Response-Behavior": behavior })));
    const head = await fetch(`${remote}${base}/records/r`, { method: "HEAD", headers });
    say("HEAD", head.status, await head.text(), /^"\d{13}"$/.test(head.headers.get("etag")));
  },

  async "from a page"() {
    const c = open("page");
    await c.createRecord({ id: "r" });
    const at = `${remote}/buckets/default/collections/${c.name}/records`;
    const names = (h, name) => h.get(name)?.split(",").map((s) => s.trim().toLowerCase()) ?? [];
    const pre = async (path, method) => {
      const answer = await fetch(at + path, { method: "OPTIONS", headers: { Origin: "https://page.example", "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization,content-type,if-match,if-none-match" } });
      const takes = names(answer.headers, "access-control-allow-headers");
      return [answer.status, answer.headers.get("access-control-allow-origin"), names(answer.headers, "access-control-allow-methods").sort(),
        ["authorization", "content-type", "if-match", "if-none-match"].every((h) => takes.includes(h)), answer.headers.get("access-control-max-age")];
    };
    say("preflight of a list", ...(await pre("", "GET")));
    say("preflight of a record", ...(await pre("/r", "PUT")));
    for (const path of ["", "/r", "/nobody"]) {
      const answer = await fetch(at + path, { headers: { ...headers, Origin: "https://page.example" } });
      const seen = names(answer.headers, "access-control-expose-headers");
      say(`GET ${path}`, answer.status, answer.headers.get("access-control-allow-origin"), ["retry-after", "alert", "backoff", "content-length"].map((h) => seen.includes(h)), path === "" ? ["etag", "next-page", "last-modified"].map((h) => seen.includes(h)) : null);
    }
  },
});
