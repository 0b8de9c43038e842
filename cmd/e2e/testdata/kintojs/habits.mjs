// What else apps do with kinto.js: transformers, hooks, ids of their own, bulk
// imports, dumps, metadata, events, and two devices at random.

import { content, device, fresh, http, net, refused, remote, run, same, say, summary, uuid, Kinto } from "./lib.mjs";

const { MANUAL, CLIENT_WINS, SERVER_WINS, PULL_ONLY } = Kinto.syncStrategy;
const server = (name) => http().bucket("default").collection(name);
const add = (d, n, fields) => d.create({ id: uuid(n), ...fields }, { useRecordId: true });
const change = async (d, n, fields) => d.update({ ...(await d.get(uuid(n))).data, ...fields });
const synced = async (d, options) => summary(await d.sync(options));
const requests = () => net.requests.splice(0).map((r) => `${r.method} ${r.path.replace(/\/collections\/[^/]+/, "/collections/C")}${r.query.replace(/%22|\d{13}/g, "").replace(/exclude_id=[^&]*/, "exclude_id=…")}`);

function two(what, options, collectionOptions) {
  const name = fresh(what);
  return [device(name, options, collectionOptions), device(name, options, collectionOptions), server(name), name];
}

// dice makes numbers that are the same in every run.
const dice = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

// rounds has two devices do the same things at random, in turn.
async function rounds(what, strategy, seed, n) {
  const [a, b, c] = two(what);
  const roll = dice(seed);
  const told = [];
  for (let i = 0; i < n; i++) {
    for (const d of [a, b]) {
      for (let k = Math.floor(roll() * 3); k >= 0; k--) {
        const id = 1 + Math.floor(roll() * 12);
        const kind = roll();
        const { data: have } = await d.getAny(uuid(id));
        if (kind < 0.2 && have && have._status !== "deleted") await d.delete(uuid(id));
        else if (!have) await add(d, id, { v: i, [`f${k}`]: i });
        else if (have._status !== "deleted") await change(d, id, { v: i, [`f${k}`]: i });
      }
      if (roll() < 0.25) await c.updateRecord({ id: uuid(1 + Math.floor(roll() * 12)), web: i }, { patch: true }).catch(() => {});
      if (roll() < 0.7) {
        const r = summary(await d.sync({ strategy }));
        told.push([r.ok, r.created?.length ?? 0, r.updated?.length ?? 0, r.deleted?.length ?? 0, r.published?.length ?? 0, r.resolved?.length ?? 0, r.skipped?.length ?? 0].join());
      }
    }
  }
  return [a, b, c, told];
}

await run({
  async "pull only"() {
    const [a, b, c] = two("pullonly");
    await c.createRecord({ id: uuid(1), title: "one" });
    await add(a, 2, { title: "mine" });
    net.requests.length = 0;
    say("pulled", await synced(a, { strategy: PULL_ONLY }), requests());
    await change(a, 1, { title: "changed here" });
    await c.updateRecord({ id: uuid(1), title: "changed there" });
    say("again", await synced(a, { strategy: PULL_ONLY }), await content(a));
    say("on the server", (await c.listRecords({ sort: "id" })).data.map((r) => [r.id, r.title]));
    say("then whole", await synced(a, { strategy: SERVER_WINS }), await synced(b), await same(a, b));
  },

  async "transformers and ids of one's own"() {
    const coat = { encode: (r) => ({ ...r, title: `<${r.title}>`, id: r.id.replace("note-", "n_") }), decode: (r) => ({ ...r, title: (r.title ?? "").replace(/^<|>$/g, ""), id: r.id.replace("n_", "note-") }) };
    let count = 0;
    const idSchema = { generate: () => `note-${++count}`, validate: (id) => /^note-\w+$/.test(id) };
    const [a, b, c] = two("coat", {}, { remoteTransformers: [coat], idSchema });
    await a.create({ title: "one" });
    await a.create({ title: "two" });
    say("published", await synced(a), (await c.listRecords({ sort: "id" })).data.map((r) => [r.id, r.title]));
    say("heard", await synced(b), await content(b));
    await b.update({ ...(await b.get("note-1")).data, title: "b's" });
    await a.update({ ...(await a.get("note-1")).data, title: "a's" });
    await b.sync();
    say("against each other", await synced(a, { strategy: CLIENT_WINS }), (await c.getRecord("n_1")).data.title);
    await a.delete("note-2");
    say("deleted", await synced(a), await synced(b), await content(b));
    for (const id of ["short", "UPPER_and-1", "x7"]) {
      const [d, e] = two("ids", {}, { idSchema: { generate: () => id, validate: () => true } });
      await d.create({ x: 1 });
      say(`id ${id}`, await synced(d), await synced(e), await d.delete(id).then(() => synced(d)), await synced(e));
    }
    const [f] = two("badids", {}, { idSchema: { generate: () => "not good", validate: () => true } });
    await f.create({ x: 1 });
    say("an id that is none", await refused(() => synced(f).then((r) => ({ ok: r.ok, errors: r.errors?.length }))));
  },

  async "fields that stay here"() {
    const [a, b, c] = two("local", {}, { localFields: ["seen"] });
    await add(a, 1, { title: "one", seen: true });
    say("published", await synced(a), Object.keys((await c.getRecord(uuid(1))).data).sort());
    await change(a, 1, { seen: false });
    say("only that changed", await synced(a), await content(a));
    await synced(b);
    await change(b, 1, { title: "two" });
    await synced(b);
    say("kept", await synced(a), await content(a));
  },

  async "hooks and events"() {
    const seen = [];
    const [a, , c, name] = two("hooks", {}, { hooks: { "incoming-changes": [(payload) => ({ ...payload, changes: payload.changes.map((r) => ({ ...r, hooked: true })) })] } });
    for (const e of ["sync:success", "sync:error"]) a.events.on(e, (p) => seen.push([e, p.bucket, p.collection === name, p.remote === remote, p.result ? summary(p.result).ok : p.error?.message]));
    await c.createRecord({ id: uuid(1), title: "one" });
    await add(a, 2, { title: "two" });
    say("synced", await synced(a), await content(a));
    say("events", seen.splice(0));
    say("bad credentials", (await refused(() => a.sync({ headers: { Authorization: "Basic !!" } }))).message, seen.splice(0).map((e) => e[0]));
  },

  async "imports and dumps"() {
    const [a, b, c] = two("dumps");
    for (let i = 1; i <= 3; i++) await c.createRecord({ id: uuid(i), n: i });
    const { data } = await c.listRecords();
    say("a dump", (await a.loadDump(data)).length, await a.db.getLastModified() === Math.max(...data.map((r) => r.last_modified)));
    net.requests.length = 0;
    say("nothing to do", await synced(a), requests());
    await c.updateRecord({ id: uuid(2), n: 22 });
    await c.deleteRecord(uuid(3));
    say("from there on", await synced(a), await content(a));
    say("an old dump", (await a.loadDump(data)).map((r) => r.id), await content(a));
    say("the same", await synced(b), await same(a, b));
    say("reset", await a.resetSyncStatus(), await a.gatherLocalChanges().then((l) => l.map((r) => r._status)), await synced(a), await same(a, b));
    say("cleared", (await a.clear()).data, await synced(a), await same(a, b));
  },

  async "metadata"() {
    const [a, , c] = two("meta");
    await add(a, 1, {});
    await a.sync();
    say("none yet", Object.keys(await a.metadata()).sort());
    await c.setData({ signature: { x5u: "u" }, displayFields: ["title"] });
    await a.sync();
    say("pulled", { ...(await a.metadata()), id: 0, last_modified: 0 });
    const before = (await c.getData()).last_modified;
    await change(a, 1, { v: 1 });
    await a.sync();
    say("records do not move it", (await c.getData()).last_modified === before);
    say("asked for", { ...(await a.pullMetadata(c, { expectedTimestamp: "5" })), id: 0, last_modified: 0 });
  },

  async "expected timestamps and exclusions"() {
    const [a, b, c] = two("expected");
    for (let i = 1; i <= 4; i++) await c.createRecord({ id: uuid(i), n: i });
    const { last_modified } = await c.listRecords();
    net.requests.length = 0;
    say("expected", await synced(a, { expectedTimestamp: last_modified }), requests().map((r) => r.replace(/_expected=[^&]*/, "_expected=…")));
    const idle = await a.sync();
    for (const [id, n] of [[1, 11], [2, 22]]) await c.updateRecord({ id: uuid(id), n });
    say("leaving one out", summary(await a.pullChanges(c, idle, { exclude: [{ id: uuid(1) }], lastModified: Number(last_modified) })), await content(a));
    say("whole", await synced(b), (await content(b)).length);
  },

  async "many at once and others in between"() {
    const [a, b, c] = two("many");
    for (let i = 1; i <= 60; i++) await add(a, i, { n: i });
    net.requests.length = 0;
    say("sixty", (await synced(a)).published.length, net.requests.filter((r) => r.path === "/batch").length, (await synced(b)).created.length, await same(a, b));
    for (let i = 1; i <= 30; i++) await a.delete(uuid(i));
    for (let i = 20; i <= 50; i++) await change(b, i, { b: true });
    await c.updateRecord({ id: uuid(55), web: true }, { patch: true });
    say("a", (await synced(a)).published?.length);
    for (const strategy of [MANUAL, SERVER_WINS]) say("b", await b.sync({ strategy }).then((r) => [r.ok, r.conflicts.length, r.resolved.length, r.published.length, r.deleted.length]));
    say("a again", await a.sync({ strategy: SERVER_WINS }).then((r) => [r.ok, r.updated.length, r.created.length, r.deleted.length]), await same(a, b), (await content(a)).length, await c.getTotalRecords());
  },

  async "conflicts by hand, all kinds"() {
    const [a, b, c] = two("kinds");
    for (let i = 1; i <= 5; i++) await add(a, i, { n: i });
    await a.sync();
    await b.sync();
    await change(a, 1, { n: "a" });
    await change(b, 1, { n: "b" });
    await a.delete(uuid(2));
    await change(b, 2, { n: "b" });
    await change(a, 3, { n: "a" });
    await b.delete(uuid(3));
    await a.delete(uuid(4));
    await b.delete(uuid(4));
    await change(a, 5, { n: "same" });
    await change(b, 5, { n: "same" });
    say("a", await synced(a));
    const met = await b.sync({ strategy: MANUAL });
    say("b", summary(met));
    for (const conflict of met.conflicts) await b.resolve(conflict, conflict.remote ?? { ...conflict.local, kept: true }).catch((err) => say("not resolved", conflict.type, err.message));
    say("b resolved", await synced(b), await synced(a), await same(a, b), await content(a));
    say("on the server", (await c.listRecords({ sort: "id", since: "0" })).data.map((r) => [r.id, r.n ?? r.deleted]));
  },

  async "at random, the client wins"() {
    const [a, b, , told] = await rounds("random-c", CLIENT_WINS, 1, 12);
    say("told", told.length);
    await a.sync({ strategy: CLIENT_WINS });
    await b.sync({ strategy: CLIENT_WINS });
    await a.sync({ strategy: CLIENT_WINS });
    say("ended", (await a.sync({ strategy: CLIENT_WINS })).ok, (await b.sync({ strategy: CLIENT_WINS })).ok);
  },

  async "at random, the server wins"() {
    const [a, b, c, told] = await rounds("random-s", SERVER_WINS, 2, 20);
    say("told", told);
    await a.sync({ strategy: SERVER_WINS });
    await b.sync({ strategy: SERVER_WINS });
    await a.sync({ strategy: SERVER_WINS });
    const ids = async (d) => (await content(d)).map((r) => r.id);
    say("ended", await ids(a), await ids(b), (await c.listRecords({ sort: "id" })).data.map((r) => r.id));
  },
});

