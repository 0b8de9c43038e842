// Where a real Kinto and kinto.js lose something together, and stetd does not
// let them: every outcome told is true.

import { content, device, fresh, http, net, run, same, say, uuid } from "./lib.mjs";

const title = (list, n) => list.find((r) => r.id === uuid(n))?.title;

await run({
  // kinto.js goes on from the time of the last page.
  async "changed while it is paged through"() {
    const name = fresh("paged");
    const c = http().bucket("default").collection(name);
    await c.batch((b) => { for (let i = 1; i <= 30; i++) b.createRecord({ id: uuid(i), title: `t${i}` }); });
    const d = device(name);
    net.limit = 10;
    let once = true;
    net.after = async (r) => {
      if (!once || !r.path.endsWith("/records")) return;
      once = false;
      await c.updateRecord({ id: uuid(29), title: "edited" }); // was shown, or comes with the last page
      await c.updateRecord({ id: uuid(3), title: "edited" });
      await c.deleteRecord(uuid(28));
      await c.deleteRecord(uuid(4));
      await c.createRecord({ id: uuid(31), title: "made" });
    };
    await d.sync();
    net.after = null;
    await d.sync();
    const have = await content(d);
    say("the edited", title(have, 29) === "edited", title(have, 3) === "edited");
    say("the deleted", title(have, 28) === undefined, title(have, 4) === undefined);
    say("the made", title(have, 31) === "made", have.length === 29);
  },

  // kinto.js does not want to see what it has just pushed.
  async "changed by another between push and pull"() {
    const name = fresh("pushed");
    const c = http().bucket("default").collection(name);
    const [a, b] = [device(name), device(name)];
    await a.create({ id: uuid(1), title: "one" }, { useRecordId: true });
    await a.sync();
    await b.sync();
    await b.update({ id: uuid(1), title: "b's" });
    let once = true;
    net.after = async (r) => {
      if (!once || r.path !== "/batch") return;
      once = false;
      await c.updateRecord({ id: uuid(1), title: "another's" });
    };
    await b.sync();
    net.after = null;
    await b.sync();
    await a.sync();
    say("both have the newest", title(await content(b), 1) === "another's", await same(a, b));
  },
});
