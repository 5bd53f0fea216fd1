// Starts the built program, as a demo or as it is told to, and ends it again.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

// How long the program may take to say where it is, and to end, in ms.
const START = 60_000;
const END = 10_000;

// How much of what it says is kept to be shown when it fails, in characters.
const KEPT = 20_000;

/** The program to test: the variable INTERLOCK_BIN, or what cargo built last for tests. */
function program(root) {
  return process.env.INTERLOCK_BIN ?? built(root, "interlock", "cargo build -p interlock");
}

/** What cargo built last, below its folder; `how` says what builds it. */
function built(root, name, how) {
  const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
  const path = ["debug", "release"].map((kind) => join(target, kind, name)).find(existsSync);
  if (!path) throw new Error(`${name} is not built: run \`${how}\` first`);
  return path;
}

/**
 * Starts the console over a small hospital with a real engine, in which something waits for
 * everybody: the variable CONSOLE_EXAMPLE, or the example that cargo built last.
 */
export function startDesks(root) {
  const how = "cargo build -p console@0.1.0 --example live_loop";
  const path = process.env.CONSOLE_EXAMPLE ?? built(root, join("examples", "live_loop"), how);
  return start(root, ["24"], /^console: (http:\/\/\S+)\s*$/m, path);
}

/** Starts the demo; answers the address of its console and a function that ends it. */
export function startDemo(root) {
  return start(root, ["demo", "--seed", "1", "--port", "0"], /^\s*console: (http:\/\/\S+)\s*$/m);
}

/** Starts the program; answers the address in the line that it says, and a function that ends it. */
export async function start(root, args, saying, path = program(root)) {
  const child = spawn(path, args, {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const ended = new Promise((resolve) => child.once("close", resolve));
  const address = await new Promise((resolve, reject) => {
    const giveUp = (why) => reject(new Error(`interlock ${args[0]} ${why}; it said:\n${said}`));
    const timer = setTimeout(() => giveUp(`named no address within ${START / 1000} s`), START);
    const hear = (chunk) => {
      said = (said + chunk).slice(-KEPT);
      const line = saying.exec(said);
      if (line) {
        clearTimeout(timer);
        resolve(line[1]);
      }
    };
    child.stdout.setEncoding("utf8").on("data", hear);
    child.stderr.setEncoding("utf8").on("data", hear);
    child.once("error", (error) => giveUp(`could not be started (${error.message})`));
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      giveUp(`ended with ${code ?? signal}`);
    });
  }).catch((error) => {
    child.kill("SIGKILL");
    throw error;
  });
  return {
    address,
    /** Whether it is still running; one that died during the tests is a failure too. */
    alive: () => child.exitCode === null && child.signalCode === null,
    said: () => said,
    stop: async () => {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), END);
      await ended;
      clearTimeout(timer);
    },
  };
}
