// Runs FHIR clients that others wrote against a node of their own, over real HTTP.

import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { start } from "../browser/demo.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const TOKEN = "a-token-of-the-clients-tests-0001";

const CONFIGURATION = `
[node]
data = "data"
http = "127.0.0.1:0"

[site]
code = "RXX"

[[client]]
name = "app"
roles = ["fhir-read", "fhir-write"]
token = { file = "token" }
`;

const folder = mkdtempSync(join(tmpdir(), "interlock-clients-"));
try {
  writeFileSync(join(folder, "token"), TOKEN);
  const config = join(folder, "interlock.toml");
  writeFileSync(config, CONFIGURATION);
  const node = await start(root, ["serve", "--config", config], /^ready: (http:\/\/\S+)\s*$/m);
  const files = readdirSync(here).filter((name) => name.endsWith(".test.mjs")).sort();
  const child = spawn(
    process.execPath,
    ["--test", "--test-reporter=spec", ...files.map((name) => join(here, name))],
    {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, INTERLOCK_URL: node.address, INTERLOCK_TOKEN: TOKEN },
    },
  );
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (!node.alive()) console.error(`the node died while it was tested; it said:\n${node.said()}`);
  process.exitCode = node.alive() ? (code ?? 1) : 1;
  await node.stop();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
