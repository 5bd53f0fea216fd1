// A browser that forgives nothing: console errors, page errors, failed requests and barriers to
// accessibility are collected while a page is open, and the test that opened it fails on them.

import assert from "node:assert/strict";
import { accessSync, constants, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// WCAG 2.2 at level AA, which the law asks of public bodies' pages.
const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

// The narrowest screen that a page must fit without scrolling sideways (WCAG 2.2, 1.4.10), in px.
export const NARROWEST = 320;

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Where Chromium is: the variable CHROMIUM, or the first of its names on the path. */
function executable() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const names = ["chromium", "chromium-browser", "google-chrome"];
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    for (const name of names) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not here: the next place may have it.
      }
    }
  }
  throw new Error("no Chromium: install the package `chromium` or set CHROMIUM to its path");
}

/** Starts Chromium with a profile folder of its own that goes with it. */
export function launch() {
  return chromium.launch({ executablePath: executable(), args: FLAGS, timeout: 60_000 });
}

/** Opens a page and watches it; answers the page and the list of its faults as it grows. */
export async function open(browser, url, { width = 1280, height = 900 } = {}) {
  const context = await browser.newContext({ viewport: { width, height } });
  const page = await context.newPage();
  const faults = [];
  const streams = [];
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`page error: ${error.message}`));
  page.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText ?? "unknown";
    // A page that goes away ends its own event stream, and what it was still drawing; a stream
    // that breaks, or a picture that cannot be had, has another reason.
    const leaves = isStream(request) || request.resourceType() === "image";
    const ownEnd = reason === "net::ERR_ABORTED" && leaves;
    if (!ownEnd) faults.push(`request failed: ${request.url()} (${reason})`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) faults.push(`answer ${response.status()}: ${response.url()}`);
    if (/^text\/event-stream/.test(response.headers()["content-type"] ?? "")) {
      streams.push(response.url());
    }
  });
  // A page with an event stream is never idle, so its load is what is waited for.
  await page.goto(url, { waitUntil: "load" });
  return { page, faults, streams, close: () => context.close() };
}

function isStream(request) {
  const accepts = request.headers().accept ?? "";
  return request.resourceType() === "eventsource" || accepts.includes("text/event-stream");
}

/** The barriers that axe finds on the page, one line for each element. */
export async function barriers(page) {
  await page.evaluate(axeSource);
  const violations = await page.evaluate(async (tags) => {
    const found = await globalThis.axe.run(document, {
      runOnly: { type: "tag", values: tags },
      resultTypes: ["violations"],
    });
    return found.violations;
  }, WCAG);
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.target.join(" ")}`),
  );
}

/** How many px the page is wider than the screen that shows it; 0 when it fits. */
export function overflow(page) {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return Math.max(0, scrollWidth - clientWidth);
  });
}

/** Opens a page, lets the test use it, and fails on every fault and barrier met. */
export async function visit(browser, url, options, use) {
  const visited = await open(browser, url, options);
  try {
    await use(visited);
    assert.deepEqual(await barriers(visited.page), [], "barriers to accessibility");
    assert.deepEqual(visited.faults, [], "faults of the page");
  } finally {
    await visited.close();
  }
}
