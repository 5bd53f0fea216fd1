// fhir-kit-client does what it is for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "fhir-kit-client";

const { INTERLOCK_URL, INTERLOCK_TOKEN } = process.env;
const client = new Client({
  baseUrl: `${INTERLOCK_URL}/fhir`,
  customHeaders: { Authorization: `Bearer ${INTERLOCK_TOKEN}` },
});

const observation = (patient, n) => ({
  resource: {
    resourceType: "Observation",
    status: "final",
    code: { text: `reading ${n}` },
    subject: { reference: `Patient/${patient}` },
  },
  request: { method: "POST", url: "Observation" },
});

test("create, read, patch, update, transaction, paging, history, delete", async () => {
  const resourceType = "Patient";
  const body = { resourceType, name: [{ family: "Kit" }], birthDate: "1950-02-03" };
  const { id } = await client.create({ resourceType, body });
  assert.equal((await client.read({ resourceType, id })).name[0].family, "Kit");
  const jsonPatch = [{ op: "replace", path: "/name/0/family", value: "Kitt" }];
  const patched = await client.patch({ resourceType, id, jsonPatch });
  assert.equal(patched.name[0].family, "Kitt");
  const updated = await client.update({ resourceType, id, body: { ...patched, active: true } });
  assert.equal(updated.meta.versionId, "3");

  const entry = Array.from({ length: 25 }, (_, n) => observation(id, n));
  const stored = await client.transaction({
    body: { resourceType: "Bundle", type: "transaction", entry },
  });
  assert.equal(stored.entry.length, 25);
  const found = new Set();
  let page = await client.search({
    resourceType: "Observation",
    searchParams: { patient: id, _count: 10 },
  });
  assert.equal(page.entry.length, 10);
  while (page) {
    for (const { resource } of page.entry ?? []) found.add(resource.id);
    page = await client.nextPage({ bundle: page });
  }
  assert.equal(found.size, 25);

  assert.equal((await client.history({ resourceType, id })).entry.length, 3);
  assert.equal((await client.vread({ resourceType, id, version: "1" })).name[0].family, "Kit");
  const [gone] = found;
  await client.delete({ resourceType: "Observation", id: gone });
  await assert.rejects(client.read({ resourceType: "Observation", id: gone }));
});
