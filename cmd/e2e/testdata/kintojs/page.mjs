// A web page that shows notes with kinto.js, told what to do line by line: a
// JSON object on stdin, its answer on stdout.

import readline from "node:readline";
import { device, net, summary, Kinto } from "./lib.mjs";

const notes = device("notes");
const { MANUAL } = Kinto.syncStrategy;

// settle syncs until nothing is open, and keeps both texts of a conflict.
async function settle() {
  let last;
  for (let round = 0; round < 10; round++) {
    const done = await notes.sync({ strategy: MANUAL });
    if (done.ok) return { ok: true };
    if (done.errors.length) return { ok: false, errors: summary(done).errors };
    last = summary(done).conflicts;
    for (const conflict of done.conflicts) await decide(conflict);
  }
  return { ok: false, errors: last };
}

// decide keeps both texts of a conflict. What was edited here and deleted
// elsewhere becomes a note of its own: kinto.js cannot bring a record back.
async function decide(conflict) {
  const { local, remote } = conflict;
  if (!remote || remote.deleted) {
    await notes.delete(local.id, { virtual: false });
    await notes.create({ title: local.title, body: local.body, tags: local.tags });
  } else if (local.body === undefined || local._status === "deleted") {
    await notes.resolve(conflict, remote);
  } else {
    const body = local.body === remote.body ? local.body : `${remote.body}\n${local.body}`;
    await notes.resolve(conflict, { ...remote, title: local.title, body });
  }
}

const does = {
  limit: async ({ limit }) => { net.limit = limit; return limit; },
  add: async ({ title, body, tags }) => (await notes.create({ title, body, tags })).data.id,
  edit: async ({ id, fields }) => (await notes.update({ ...(await notes.get(id)).data, ...fields })).data.id,
  delete: async ({ id }) => (await notes.delete(id)).data.id,
  sync: async () => summary(await notes.sync({ strategy: MANUAL })),
  settle,
  requests: async () => net.requests.splice(0).filter((r) => r.method === "GET" && r.path.endsWith("/records")).length,
  list: async () => (await notes.list({ order: "id" })).data.map(({ id, title, body, tags }) => ({ id, title: title ?? "", body: body ?? "", tags: tags ?? [] })),
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const ask = JSON.parse(line);
  let answer;
  try {
    answer = { result: await does[ask.do](ask) };
  } catch (err) {
    answer = { error: err.message };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
