// Medplum's client does what it is for.

import assert from "node:assert/strict";
import { test } from "node:test";

// The module names WebSocket, which Node has from version 22 on; nothing here opens one.
globalThis.WebSocket ??= class {};
const { MedplumClient } = await import("@medplum/core");

const { INTERLOCK_URL, INTERLOCK_TOKEN } = process.env;
const client = new MedplumClient({
  baseUrl: `${INTERLOCK_URL}/`,
  fhirUrlPath: "fhir",
  cacheTime: 0,
  fetch,
});
client.setAccessToken(INTERLOCK_TOKEN);

test("create, read, patch, transaction, paging, conditional create, everything, delete", async () => {
  const { id } = await client.createResource({
    resourceType: "Patient",
    name: [{ family: "Plum" }],
  });
  assert.equal((await client.readResource("Patient", id)).name[0].family, "Plum");
  const patched = await client.patchResource("Patient", id, [
    { op: "add", path: "/active", value: true },
  ]);
  assert.equal(patched.active, true);

  const entry = Array.from({ length: 12 }, (_, n) => ({
    resource: {
      resourceType: "Observation",
      status: "final",
      code: { text: `reading ${n}` },
      subject: { reference: `Patient/${id}` },
    },
    request: { method: "POST", url: "Observation" },
  }));
  const stored = await client.executeBatch({ resourceType: "Bundle", type: "transaction", entry });
  assert.ok(stored.entry.every(({ response }) => response.status.startsWith("201")));
  let found = 0;
  const search = { patient: id, _count: "5" };
  for await (const page of client.searchResourcePages("Observation", search)) found += page.length;
  assert.equal(found, 12);

  const identifier = [{ system: "https://rxx.nhs.uk/Id/app", value: "77" }];
  const once = () =>
    client.createResourceIfNoneExist(
      { resourceType: "Patient", identifier },
      "identifier=https://rxx.nhs.uk/Id/app|77",
    );
  const first = await once();
  assert.equal((await once()).id, first.id);
  assert.equal((await client.readHistory("Patient", id)).entry.length, 2);
  assert.equal((await client.readPatientEverything(id)).entry.length, 13);
  await client.deleteResource("Patient", first.id);
  await assert.rejects(client.readResource("Patient", first.id));
});
