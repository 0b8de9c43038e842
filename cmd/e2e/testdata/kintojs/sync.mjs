// What kinto.js sees of a server: two devices, each with a database of its own.

import { content, device, fresh, http, net, refused, run, same, say, summary, uuid, Kinto } from "./lib.mjs";

const { MANUAL, CLIENT_WINS, SERVER_WINS } = Kinto.syncStrategy;

// two makes two devices on a collection that nobody has used.
function two(what) {
  const name = fresh(what);
  return [device(name), device(name), http().bucket("default").collection(name)];
}

const add = (d, n, fields) => d.create({ id: uuid(n), ...fields }, { useRecordId: true });
const change = async (d, n, fields) => d.update({ ...(await d.get(uuid(n))).data, ...fields });
const synced = async (d, options) => summary(await d.sync(options));

// apart makes two devices that both have record 1, each changed on its own.
async function apart(what) {
  const [a, b, c] = two(what);
  await add(a, 1, { title: "one", body: "text" });
  await a.sync();
  await b.sync();
  return [a, b, c];
}

const requests = () => net.requests.splice(0).map((r) => `${r.method} ${r.path.replace(/\/collections\/[^/]+/, "/collections/C")}${r.query.replace(/%22|\d{13}/g, "").replace(/exclude_id=[^&]*/, "exclude_id=…")}`);

await run({
  async "create, update, delete"() {
    const [a, b, c] = two("plain");
    say("nothing yet", await synced(a));
    for (let i = 1; i <= 4; i++) await add(a, i, { title: `t${i}`, tags: ["x", String(i)], deep: { n: i } });
    net.requests.length = 0;
    say("a publishes", await synced(a), requests());
    say("b hears", await synced(b), await content(b));
    await change(b, 1, { title: "b's" });
    await b.delete(uuid(2));
    await add(b, 5, { title: "made by b" });
    net.requests.length = 0;
    say("b publishes", await synced(b), requests());
    say("a hears", await synced(a), await content(a), await same(a, b));
    net.requests.length = 0;
    say("idle", await synced(a), requests());
    say("created and deleted before it synced", await add(a, 6, {}).then(() => a.delete(uuid(6))).then(() => synced(a)));
    say("on the server", (await c.listRecords({ sort: "id", since: "0" })).data.map((r) => [r.id, r.title ?? r.deleted]));
    say("both delete", await Promise.all([a.delete(uuid(3)), b.delete(uuid(3))]).then(() => synced(a)), await synced(b));
    say("made again", await add(a, 7, { v: 1 }).then(() => synced(a)), await synced(b), await b.delete(uuid(7)).then(() => synced(b)), await synced(a));
    say("all the same", await same(a, b), (await content(a)).length);
  },

  async "a conflict by hand"() {
    const [a, b, c] = await apart("manual");
    await change(a, 1, { title: "a's" });
    await change(b, 1, { body: "b's" });
    await add(b, 9, { title: "waits" });
    say("a", await synced(a));
    const met = await b.sync({ strategy: MANUAL });
    say("b", summary(met));
    say("b again", await synced(b));
    await b.resolve(met.conflicts[0], { ...met.conflicts[0].remote, body: met.conflicts[0].local.body });
    say("b resolved", await synced(b), await content(b));
    say("a", await synced(a), await same(a, b));
    say("the server", (await c.listRecords({ sort: "id", fields: ["title", "body"] })).data.map(({ title, body }) => [title, body ?? null]));
  },

  async "the client wins"() {
    const [a, b] = await apart("client");
    await change(a, 1, { title: "a's" });
    await change(b, 1, { title: "b's" });
    await a.sync();
    say("b", await synced(b, { strategy: CLIENT_WINS }));
    say("a", await synced(a), await content(a), await same(a, b));
  },

  async "the server wins"() {
    const [a, b] = await apart("server");
    await change(a, 1, { title: "a's" });
    await change(b, 1, { title: "b's" });
    await a.sync();
    say("b", await synced(b, { strategy: SERVER_WINS }));
    say("a", await synced(a), await content(a), await same(a, b));
  },

  async "delete against edit"() {
    for (const strategy of [MANUAL, CLIENT_WINS, SERVER_WINS]) {
      const [a, b] = await apart("deledit");
      await a.delete(uuid(1));
      await change(b, 1, { title: "edited" });
      say(`${strategy}: a deletes`, await synced(a));
      const met = await b.sync({ strategy });
      say(`${strategy}: b`, summary(met));
      if (strategy === MANUAL) {
        await b.resolve(met.conflicts[0], met.conflicts[0].local);
        say("kept", await synced(b));
      }
      say(`${strategy}: b again`, await synced(b, { strategy }));
      say(`${strategy}: a`, await synced(a, { strategy }), await content(a), await content(b), await same(a, b));
    }
  },

  async "edit against delete"() {
    for (const strategy of [MANUAL, CLIENT_WINS, SERVER_WINS]) {
      const [a, b] = await apart("editdel");
      await change(a, 1, { title: "edited" });
      await b.delete(uuid(1));
      say(`${strategy}: a edits`, await synced(a));
      const met = await b.sync({ strategy });
      say(`${strategy}: b deletes`, summary(met));
      if (strategy === MANUAL) await b.resolve(met.conflicts[0], met.conflicts[0].remote);
      say(`${strategy}: b again`, await synced(b, { strategy }));
      say(`${strategy}: a`, await synced(a, { strategy }), await content(a), await content(b), await same(a, b));
    }
  },

  async "made on both"() {
    for (const strategy of [MANUAL, CLIENT_WINS, SERVER_WINS]) {
      const [a, b] = two("both");
      await add(a, 1, { title: "a's" });
      await add(b, 1, { title: "b's" });
      await add(a, 2, { title: "alike" });
      await add(b, 2, { title: "alike" });
      say(`${strategy}: a`, await synced(a));
      const met = await b.sync({ strategy });
      say(`${strategy}: b`, summary(met));
      if (strategy === MANUAL) for (const conflict of met.conflicts) await b.resolve(conflict, conflict.local);
      say(`${strategy}: b again`, await synced(b, { strategy }));
      say(`${strategy}: a`, await synced(a, { strategy }), await content(a), await same(a, b));
    }
  },

  // Between the pull and the push of one device another writes.
  async "overtaken between pull and push"() {
    for (const strategy of [MANUAL, CLIENT_WINS, SERVER_WINS]) {
      const [a, b, c] = await apart("overtaken");
      await add(a, 2, { title: "two" });
      await a.sync();
      await b.sync();
      await change(b, 1, { title: "b's" });
      await b.delete(uuid(2));
      await add(b, 3, { title: "b's third" });
      let once = true;
      net.before = async (r) => {
        if (r.path !== "/batch" || !once) return;
        once = false;
        await c.updateRecord({ id: uuid(1), title: "overtook" });
        await c.updateRecord({ id: uuid(2), title: "overtook" });
        await c.createRecord({ id: uuid(3), title: "overtook" });
      };
      const met = await b.sync({ strategy });
      net.before = null;
      say(`${strategy}: b`, summary(met));
      if (strategy === MANUAL) for (const conflict of met.conflicts) await b.resolve(conflict, conflict.local.title ? conflict.local : conflict.remote);
      say(`${strategy}: b again`, await synced(b, { strategy }), await synced(b, { strategy }));
      say(`${strategy}: a`, await synced(a, { strategy }), await content(a), await same(a, b));
    }
  },

  async "deleted between pull and push"() {
    for (const strategy of [MANUAL, CLIENT_WINS, SERVER_WINS]) {
      const [a, b, c] = await apart("vanished");
      await change(b, 1, { title: "b's" });
      let once = true;
      net.before = async (r) => {
        if (r.path !== "/batch" || !once) return;
        once = false;
        await c.deleteRecord(uuid(1));
      };
      const met = await b.sync({ strategy });
      net.before = null;
      say(`${strategy}: b`, summary(met));
      say(`${strategy}: b again`, summary(await b.sync({ strategy: SERVER_WINS })));
      say(`${strategy}: a`, await synced(a), await content(a), await content(b));
    }
  },

  async "pages"() {
    const [a, b, c] = two("pages");
    for (let i = 0; i < 64; i++) await add(a, i, { title: `t${i}` });
    net.requests.length = 0;
    say("a", (await a.sync()).published.length, requests());
    net.limit = 10;
    say("b", (await b.sync()).created.length, await same(a, b));
    say("requests", net.requests.filter((r) => r.method === "GET" && r.path.endsWith("/records")).length - 1);
    for (let i = 0; i < 25; i++) await change(b, i, { title: "b's" });
    for (let i = 30; i < 45; i++) await b.delete(uuid(i));
    say("b publishes", (await b.sync()).published.length);
    const heard = await a.sync();
    say("a hears", heard.ok, heard.updated.length, heard.deleted.length, await same(a, b));
    say("left", await c.getTotalRecords());
  },

  async "reset and sync"() {
    const [a, b, c] = await apart("reset");
    await add(a, 2, { title: "two" });
    await a.sync();
    await b.sync();
    await change(a, 2, { title: "changed meanwhile" });
    await a.sync();
    say("reset", await b.resetSyncStatus());
    const met = await b.sync();
    say("then", summary(met));
    for (const conflict of met.conflicts) await b.resolve(conflict, conflict.remote);
    say("resolved", await synced(b), await same(a, b));
    await c.deleteRecords();
    await a.resetSyncStatus();
    say("after all was deleted", await synced(a), await synced(b), (await c.listRecords({ sort: "id" })).data.map((r) => r.title));
  },

  async "the server was emptied"() {
    const [a, b, c] = await apart("emptied");
    await http().bucket("default").deleteCollection(c.name);
    const failed = await refused(() => a.sync());
    say("a notices", failed.thrown?.replace(/\d{13}/g, "T"));
    say("reset", await a.resetSyncStatus(), await synced(a));
    say("b", await refused(async () => synced(b)), await content(b));
  },

  async "wrong credentials"() {
    const d = device(fresh("denied"), { headers: {} });
    await add(d, 1, { title: "kept" });
    say("denied", await refused(() => d.sync()), await content(d));
  },

  async "imported and listed"() {
    const [a, b] = two("bulk");
    for (let i = 1; i <= 5; i++) await add(a, i, { n: 5 - i, word: i % 2 ? "odd" : "even" });
    await a.sync();
    await b.sync();
    say("filtered", (await b.list({ filters: { word: "odd" }, order: "n" })).data.map((r) => r.n));
    say("statuses", (await b.list({ order: "n" })).data.map((r) => r._status));
    say("all deleted", (await b.deleteAll()).data?.length ?? null, await synced(b), await synced(a), await content(a));
    say("upserted", await a.upsert({ id: uuid(1), back: true }).then(() => synced(a)), await synced(b), await same(a, b));
  },
});
