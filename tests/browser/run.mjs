// Runs the browser tests with node's own test runner.
//
//   node tests/browser/run.mjs --rig     only the rig's test of itself; needs no demo
//   node tests/browser/run.mjs           every other *.test.mjs, against a demo started for them
//
// With SCREENSHOT=1 the picture docs/images/live-loop.png is taken anew.

import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { startDemo } from "./demo.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const RIG = "rig.test.mjs";

/** Runs test files in one node that tests; answers its exit code. */
function runTests(files, environment) {
  // One file after another: the machine that tests may have two cores and one browser is enough.
  const child = spawn(
    process.execPath,
    ["--test", "--test-concurrency=1", "--test-reporter=spec", ...files],
    { cwd: root, stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, ...environment } },
  );
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}

async function runAgainstDemo(files) {
  const demo = await startDemo(root);
  try {
    console.log(`demo at ${demo.address}`);
    const code = await runTests(files, { INTERLOCK_CONSOLE_URL: demo.address });
    if (demo.alive()) {
      if (code !== 0) console.error(`the demo said last:\n${demo.said()}`);
      return code;
    }
    console.error(`the demo died while it was tested; it said:\n${demo.said()}`);
    return 1;
  } finally {
    await demo.stop();
  }
}

const names = readdirSync(here)
  .filter((name) => name.endsWith(".test.mjs"))
  .sort();
const rigOnly = process.argv.includes("--rig");
const files = names.filter((name) => (name === RIG) === rigOnly).map((name) => join(here, name));

try {
  process.exitCode = rigOnly ? await runTests(files, {}) : await runAgainstDemo(files);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
