// What kinto-http sees when it asks for more: other buckets, permissions, values
// of all types in filters, batches that fail in part.

import { fresh, headers, http, net, plain, refused, remote, run, say, KintoClient } from "./lib.mjs";

const client = http();
const ids = (list) => list.map((r) => (r.deleted ? "-" : "") + r.id);
const open = (what) => client.bucket("default").collection(fresh(what));
const sorted = (permissions) => Object.fromEntries(Object.entries(permissions).map(([name, who]) => [name, [...who].map(plain).sort()]));
const raw = async (method, path, body, head) => {
  const answer = await fetch(remote + path, { method, headers: { ...headers, "Content-Type": "application/json", ...head }, body: body && JSON.stringify(body) });
  const text = await answer.text();
  const out = text ? JSON.parse(text) : {};
  return [answer.status, out.errno === 107 ? { errno: 107, where: out.details?.map(({ location, name }) => ({ location, name })) } : out.permissions ? { ...out, permissions: sorted(out.permissions) } : { ...out, info: undefined }];
};

// zoo is a collection of records whose members have one type each: what Kinto
// compares with another type depends on its database, or is an error.
async function zoo(what) {
  const c = client.bucket("default").collection(fresh(what));
  const texts = ["", "0", "1", "10", "true", "null", "abc", "ABC", "a*c", "a%c", "a_c", "äöü", "漢字 🎉", "a,b", "a b", "\"q\"", "[1]", "\\", "a.c"];
  await c.batch((b) => texts.forEach((s, i) => b.createRecord({ id: `z${String(i).padStart(2, "0")}`, i, s, n: [0, 1, -1, 1.5, 10, 1e21, 0.1, 9007199254740993][i % 8],
    b: i % 2 === 0, l: [[], ["a"], ["a", "b"], ["1", "äöü"]][i % 4], k: [[1], [2, 3]][i % 2], o: { k: i % 3, "x.y": i, l: { m: "a" } }, [i % 2 ? "odd" : "even"]: null })), { aggregate: true });
  return c;
}

await run({
  async "permissions"() {
    const name = fresh("permitted");
    const bucket = client.bucket("default");
    await bucket.createCollection(name, { permissions: { read: ["somebody"], "record:create": ["else"] } });
    const c = bucket.collection(name);
    const now = async () => sorted(await c.getPermissions());
    say("made", await now());
    await c.setData({ a: 1 });
    say("kept by data", await now());
    await c.setPermissions({ read: ["github:n1k0"] });
    say("set", await now());
    await c.addPermissions({ read: ["x", "y"], write: ["z"] });
    say("added", await now());
    await c.removePermissions({ read: ["x", "github:n1k0"] });
    say("removed", await now());
    say("removed again", await refused(() => c.removePermissions({ read: ["x"] })));
    const { last_modified } = await c.getData();
    say("set, stale", await refused(() => c.setPermissions({ read: [] }, { safe: true, last_modified: last_modified - 1000 })));
    say("data", (await c.getData()).a);
    await c.createRecord({ id: "r", n: 1 }, { permissions: { read: ["p"] } });
    say("record", sorted((await c.getRecord("r")).permissions));
    say("updated", sorted((await c.updateRecord({ id: "r", n: 2 }, { permissions: { write: ["q"] } })).permissions));
    say("patched", sorted((await c.updateRecord({ id: "r", n: 3 }, { patch: true, permissions: { read: ["s"] } })).permissions));
    say("made again", await c.deleteRecord("r").then(() => c.createRecord({ id: "r" })).then((r) => sorted(r.permissions)));
    say("only permissions", (await raw("PATCH", `/buckets/default/collections/${name}/records/r`, { permissions: { read: ["t"] } })));
    say("no list", (await raw("PATCH", `/buckets/default/collections/${name}/records/r`, { permissions: { read: "t" } })));
    const own = client.bucket(fresh("permitted"));
    await client.createBucket(own.name);
    say("bucket", await own.setPermissions({ read: ["v"], "collection:create": ["c"] }).then((r) => sorted(r.permissions)), await own.removePermissions({ read: ["v"] }).then((r) => sorted(r.permissions)));
    say("group", sorted((await own.createGroup("g", ["m"], { permissions: { read: ["u"] } })).permissions));
    await client.deleteBucket(own.name);
    say("notes", await client.bucket("default").collection("notes").addPermissions({ read: ["w"] }).then((r) => sorted(r.permissions)), await client.bucket("default").collection("notes").removePermissions({ read: ["w"] }).then((r) => sorted(r.permissions)));
  },

  async "other buckets"() {
    const name = fresh("bucket");
    say("made", await client.createBucket(name, { data: { color: name }, permissions: { read: ["x"] } }).then((r) => ({ ...r, permissions: sorted(r.permissions) })));
    say("again, safely", await refused(() => client.createBucket(name, { safe: true })));
    const made = (await client.createBucket(null)).data.id;
    say("without an id", typeof made);
    const bucket = client.bucket(name);
    say("a collection nobody made", await refused(() => bucket.collection("c").listRecords()), await refused(() => bucket.collection("c").createRecord({ a: 1 })), await refused(() => bucket.collection("c").getData()));
    await bucket.createCollection("notes");
    const c = bucket.collection("notes");
    say("records", await c.createRecord({ id: "a", title: 5, x: { y: 1 } }).then((r) => r.data), (await c.listRecords()).data, await c.getTotalRecords());
    say("automatic", typeof (await bucket.createCollection()).data.id, (await bucket.listCollections()).data.length);
    say("by pages", (await bucket.listCollections({ limit: 1, pages: Infinity })).data.length);
    say("default has none of it", await refused(() => client.bucket("default").collection("notes").getRecord("a")));
    say("its data", await bucket.getData(), (await bucket.setData({ size: 1 }, { patch: true })).data);
    say("listed", ids((await client.listBuckets({ filters: { color: name } })).data));
    say("since", ids((await client.listBuckets({ since: String((await bucket.getData()).last_modified - 1), filters: { color: name } })).data));
    const stale = await refused(() => client.deleteBucket(name, { safe: true, last_modified: 1234567890123 }));
    say("stale", stale);
    say("groups", (await bucket.createGroup("g", ["m"])).data, (await bucket.listGroups()).data.length);
    say("batch", (await bucket.batch((b) => { b.createCollection("other"); b.collection("other").createRecord({ id: "o" }); b.collection("nowhere").createRecord({ id: "o" }); }, { aggregate: true })).errors.map((e) => e.error));
    say("all collections", (await bucket.deleteCollections()).data.length, (await bucket.listCollections()).data);
    say("deleted", (await client.deleteBucket(name)).data, await refused(() => bucket.getData()), await refused(() => c.listRecords()));
    say("made again", await client.createBucket(name).then((r) => Object.keys(r.data).sort()), await bucket.createCollection("notes").then(() => c.listRecords({ since: "0" })).then((r) => r.data));
    await client.deleteBucket(name);
    await client.deleteBucket(made);
    const b = fresh("missing");
    for (const [method, path] of [["GET", ""], ["PATCH", ""], ["DELETE", ""], ["GET", "/collections"], ["POST", "/collections"], ["PUT", "/collections/x"], ["GET", "/collections/x/records"], ["DELETE", "/collections/x/records"],
      ["POST", "/collections/x/records"], ["GET", "/collections/x/records/r"], ["PUT", "/collections/x/records/r"], ["PATCH", "/collections/x/records/r"], ["DELETE", "/collections/x/records/r"], ["GET", "/groups"], ["PUT", "/groups/g"]]) {
      say(`${method} ${path}`, ...(await raw(method, `/buckets/${b}${path}`, method === "GET" || method === "DELETE" ? undefined : { data: { a: 1 } })));
    }
    say("a bad name", ...(await raw("PUT", "/buckets/_bad")), ...(await raw("GET", "/buckets/_bad")));
    say("the default one", ...(await raw("PUT", "/buckets/default", { data: {} })));
  },

  async "values in filters"() {
    const c = await zoo("values");
    const found = async (name, v) => say(`${name}=${v}`, await refused(async () => ids((await c.listRecords({ filters: { [name]: v }, sort: "i" })).data).map((id) => id.slice(1)).join(" ")));
    const texts = ["abc", "1", "\"1\"", "\"true\"", "\"null\"", "", "\"\"", "a*c", "äöü", "漢字 🎉", "a b", "\"q\"", "\"\\\"q\\\"\"", "[", "NaN", "True", "\"a,b\""];
    for (const op of ["", "not_"]) for (const v of [...texts, "1.0", "true", "null", "[1]"]) await found(`${op}s`, v);
    for (const v of texts.filter((v) => v !== "1")) for (const op of ["min_", "lt_", "like_"]) if (v !== "[" || op !== "like_") await found(`${op}s`, v);
    for (const v of ["*c", "a*", "*", "%", "_", "A*C", "1"]) await found("like_s", v);
    for (const op of ["", "not_", "min_", "max_", "gt_", "lt_"]) for (const v of ["1", "1.0", "01", "-1", "1e1", "0.1", "1e21", "9007199254740993"]) if (v !== "01" || op === "") await found(`${op}n`, v);
    for (const v of ["true", "false", "\"true\"", "True"]) await found("b", v);
    for (const v of ["abc,1", "abc,\"1\"", "abc,", ",", "", "\"a,b\"", " abc", "abc,abc"]) for (const op of ["in_s", "exclude_s"]) await found(op, v);
    for (const v of ["1,10", "1, 10", "1.0,x"]) for (const op of ["in_n", "exclude_n"]) if (!v.includes("1.0")) await found(op, v);
    for (const v of ["true", "false", "1", "0", "x", ""]) await found("has_odd", v);
    for (const v of ["a", "\"1\"", "[\"a\"]", "[\"b\",\"a\"]", "[\"a\",\"c\"]", "äöü", "[]", "a,b"]) for (const op of ["contains_l", "contains_any_l"]) await found(op, v);
    for (const v of ["1", "[2,3]", "[1,2]", "\"1\""]) for (const op of ["contains_k", "contains_any_k"]) await found(op, v);
    for (const [name, v] of [["o.k", "1"], ["o.l.m", "a"], ["has_o.l", "true"], ["has_o.x", "true"], ["o.x.y", "3"], ["eq_i", "3"], ["id", "z01"], ["not_id", "z01"], ["gt_id", "z16"], ["like_id", "z*2"], ["in_id", ""], ["exclude_id", "z01,"], ["min_last_modified", "0"],
      ["last_modified", "abc"], ["in_last_modified", "1,x"], ["contains_id", "z"], ["_unknown", "1"], ["has_id", "true"], ["nothing", "1"], ["min_nothing", "1"]]) await found(name, v);
    for (const sort of ["s", "-s", "n,-i", "b,i", "o.k,-i", "+i", " i", "i,,s", "", "-", "-id", "nothing,i", "odd,i", "-even,-i"]) say(`sort ${sort}`, await refused(async () => ids((await c.listRecords({ sort })).data).join(" ")));
    for (const limit of ["0", "1", "\"2\"", "1.5", "", "99999999999999999999"]) say(`limit ${limit}`, await refused(async () => (await c.listRecords({ filters: { _limit: limit } })).data.length));
    for (const fields of [["s"], ["o.k"], ["o.l.m", "i"], ["nothing"], ["id"], [""], ["last_modified"], ["o.x.y"], ["o", "o.k"]]) say(`fields ${fields}`, await refused(async () => (await c.listRecords({ fields, filters: { min_i: "17" }, sort: "i" })).data));
  },

  async "times that a client tells"() {
    const c = open("times");
    const now = (await c.createRecord({ id: "a" })).data.last_modified;
    say("as it is", (await c.updateRecord({ id: "a", last_modified: now, v: 1 })).data.last_modified > now);
    say("older", (await c.updateRecord({ id: "a", last_modified: 5, v: 2 })).data.last_modified > now);
    for (const t of ["\"x\"", "null", "1.5", "-1"]) say(`last_modified ${t}`, (await raw("PUT", `/buckets/default/collections/${c.name}/records/t`, { data: { last_modified: JSON.parse(t), n: 1 } })));
  },

  async "the bounds of a record"() {
    const c = open("bounds");
    const big = { id: "big", text: "x".repeat(200_000), list: Array.from({ length: 5000 }, (_, i) => i) };
    say("large", (await c.createRecord(big)).data.text.length, (await c.getRecord("big")).data.list.length);
    const odd = { id: "odd", "": 1, "a.b": 2, "a b": 3, "äöü": 4, __proto__x: 5, "$": 6, schema: 7, _status: "x", "\u0000": 8 };
    say("names", (await c.createRecord(odd)).data);
    say("names found", ids((await c.listRecords({ filters: { "äöü": "4" } })).data), ids((await c.listRecords({ filters: { "a.b": "2" } })).data));
    for (const id of ["0", "a-b_c", "A".repeat(200), "-a", "a.b", "a b", "ä", "a%20b", ""]) say(`id ${id.slice(0, 9)}`, await refused(() => c.createRecord({ id, n: 1 }).then((r) => [r.data.id.length, r.data.n])));
    say("ids that are none", ...(await raw("POST", `/buckets/default/collections/${c.name}/records`, { data: { id: 5 } })), ...(await raw("POST", `/buckets/default/collections/${c.name}/records`, { data: { id: null } })));
    say("numbers", (await c.createRecord({ id: "num", a: 1e21, b: -0, c: 1e-7, d: 0.1 + 0.2, e: 9007199254740993 })).data);
    say("deleted as a field", (await c.createRecord({ id: "del", deleted: false })).data);
  },

  async "batches that fail in part"() {
    const c = open("failing");
    await c.createRecord({ id: "there", n: 1 });
    const out = await c.batch((b) => { b.createRecord({ id: "there", n: 2 }, { safe: true }); b.deleteRecord("gone"); b.updateRecord({ id: "gone", n: 1 }, { patch: true }); b.createRecord({ id: "bad id" }); b.createRecord({ id: "new" }); });
    say("parts", out.map((p) => [p.status, p.body.errno, p.body.details && !Array.isArray(p.body.details) ? p.body.details : null]));
    say("by pages", ids(await c.batch((b) => b.listRecords({ sort: "id", limit: 1 })).then((r) => r[0].body.data)));
    const path = `/buckets/default/collections/${c.name}/records`;
    const batch = async (...requests) => (await raw("POST", "/batch", { requests }))[1].responses?.map((p) => [p.status, p.path.replace(c.name, "C"), p.body?.errno ?? p.body?.data ?? p.body]) ?? "refused";
    say("own headers", await batch({ path: `${path}/there`, method: "PUT", headers: { "If-Match": '"1"' } }, { path: `${path}/there`, headers: { "If-None-Match": '"1"' } }));
    say("ways to write a path", await batch({ path: `${path}/there?_fields=n` }, { path: `/v1${path}/there` }, { path: `${path}/%74here` }, { path: `${path}/` }, { path: "nowhere" }));
    say("methods", await batch({ path: `${path}/there`, method: "HEAD" }), await batch({ path: `${path}/there`, method: "get" }), await batch({ path: `${path}/there`, method: "OPTIONS" }));
    say("a patch", await batch({ path: `${path}/there`, method: "PATCH", headers: { "Content-Type": "application/merge-patch+json" }, body: { data: { n: null, m: 1 } } }));
    say("a batch of a stranger", (await raw("POST", "/batch", { requests: [{ path: `${path}/there` }] }, { Authorization: "" }))[1].responses?.map((p) => [p.status, p.body.errno]));
  },

  async "pages that go on"() {
    const c = await zoo("goingon");
    const one = await c.listRecords({ limit: 2, sort: "i", fields: ["i"], filters: { min_i: "3" } });
    const two = await one.next();
    say("with fields", one.data, two.data, two.hasNextPage);
    for (const sort of ["s", "-b,i", "o.k,-n,i", "nothing,i", "odd,-i", "-id"]) say(`sort ${sort}`, ids((await c.listRecords({ limit: 4, pages: Infinity, sort })).data).join(" "));
    say("more pages than there are", (await c.listRecords({ limit: 20, pages: 9 })).data.length);
    await c.deleteRecord("z03");
    say("before", ids((await c.listRecords({ filters: { _before: two.last_modified, _since: "0" }, sort: "id", limit: 4, pages: Infinity })).data).length);
    say("snapshot", await refused(() => c.listRecords({ at: two.last_modified })));
    const answer = await fetch(`${remote}/buckets/default/collections/${c.name}/records?_limit=3`, { method: "HEAD", headers });
    say("totals", answer.headers.get("total-records"), answer.headers.get("total-objects"), answer.headers.get("next-page") === null);
  },

  async "what is not offered"() {
    const c = open("offered");
    const wrong = new KintoClient(remote, { headers: { Authorization: "Basic !!!" } });
    say("no password", await refused(() => wrong.bucket("default").collection(c.name).createRecord({})), (await wrong.fetchServerInfo()).user ?? null, await wrong.batch((b) => b.bucket("default").collection("x").createRecord({})).then((r) => r.map((p) => [p.status, p.body])));
    say("permissions endpoint", await refused(() => client.listPermissions()));
    say("accounts", typeof (await client.fetchServerCapabilities()).accounts, await refused(() => client.createAccount("a", "b")));
    say("history", await refused(() => client.bucket("default").listHistory()));
    say("attachments", await refused(() => c.addAttachment("data:text/plain;base64,eA==", {})));
    for (const path of ["/__heartbeat__", "/__lbheartbeat__"]) say(path, ...(await raw("GET", path)));
  },
});
