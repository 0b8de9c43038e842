// What kinto.js sees when a server loses everything. It is run alone.

import { content, device, fresh, refused, remote, run, say, summary, uuid } from "./lib.mjs";

await run({
  async "the server was flushed"() {
    const name = fresh("flushed");
    const [a, b] = [device(name), device(name)];
    await a.create({ id: uuid(1), title: "one" }, { useRecordId: true });
    await a.sync();
    await b.sync();
    say("flushed", (await fetch(`${remote}/__flush__`, { method: "POST" })).status);
    await a.update({ id: uuid(1), title: "kept" });
    say("a notices", (await refused(() => a.sync())).thrown?.replace(/\d{13}/g, "T"), await content(a));
    const met = await a.resetSyncStatus().then(() => a.sync());
    say("reset", summary(met), await content(a));
    say("b notices", (await refused(() => b.sync())).thrown?.replace(/\d{13}/g, "T"));
    say("b publishes", await b.resetSyncStatus(), summary(await b.sync()), await content(b));
  },
});
