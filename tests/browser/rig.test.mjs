// Proves the rig itself: each kind of fault is planted in a small page and must be found.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { NARROWEST, barriers, launch, open, overflow, visit } from "./browser.mjs";

const pageOf = (body) => `<!doctype html><html lang="en-GB"><head><title>Rig</title>
<link rel="icon" href="data:,"></head><body><main><h1>Rig</h1>${body}</main></body></html>`;

const PAGES = {
  "/clean": pageOf("<p>All is well.</p>"),
  "/barrier": pageOf('<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="><button></button>'),
  "/contrast": pageOf('<p style="color:#bbb;background:#fff">Hard to read.</p>'),
  "/console": pageOf('<script>console.error("planted")</script>'),
  "/thrown": pageOf('<script>throw new Error("planted")</script>'),
  "/missing": pageOf('<script>fetch("/nowhere").catch(() => {})</script>'),
  "/broken": pageOf('<script>fetch("/cut").catch(() => {})</script>'),
  "/wide": pageOf('<p style="width:900px">Too wide.</p>'),
  "/live": pageOf(`<p id="tick">0</p><script>new EventSource("/stream").onmessage =
    (event) => { document.getElementById("tick").textContent = event.data; }</script>`),
};

let browser;
let server;
let origin;

before(async () => {
  server = createServer((request, response) => {
    if (request.url === "/cut") return request.socket.destroy();
    if (request.url === "/stream") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      return response.write("data: 7\n\n");
    }
    const page = PAGES[request.url];
    response.writeHead(page ? 200 : 404, { "content-type": "text/html; charset=utf-8" });
    return response.end(page ?? "");
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  origin = `http://127.0.0.1:${server.address().port}`;
  browser = await launch();
});

after(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
});

/** Opens a page, waits until it has faults or `wait` is over, and answers them. */
async function faultsOf(path) {
  const { page, faults, close } = await open(browser, origin + path);
  for (let turn = 0; turn < 100 && faults.length === 0; turn += 1) await page.waitForTimeout(50);
  await close();
  return faults.join("\n");
}

test("a clean page passes at every width", async () => {
  for (const width of [1280, NARROWEST]) {
    await visit(browser, `${origin}/clean`, { width }, async ({ page }) => {
      assert.equal(await overflow(page), 0);
    });
  }
});

test("planted barriers to accessibility are found", async () => {
  const { page, close } = await open(browser, `${origin}/barrier`);
  const found = (await barriers(page)).join("\n");
  await close();
  assert.match(found, /^image-alt:/m);
  assert.match(found, /^button-name:/m);
  await assert.rejects(
    visit(browser, `${origin}/contrast`, {}, async () => {}),
    /color-contrast/,
  );
});

test("planted faults of a page are found", async () => {
  assert.match(await faultsOf("/console"), /console: planted/);
  assert.match(await faultsOf("/thrown"), /page error: planted/);
  assert.match(await faultsOf("/missing"), /answer 404: .*nowhere/);
  assert.match(await faultsOf("/broken"), /request failed: .*cut/);
  await assert.rejects(
    visit(browser, `${origin}/console`, {}, async () => {}),
    /faults of the page/,
  );
});

test("a page that is too wide for a small screen is found", async () => {
  const { page, close } = await open(browser, `${origin}/wide`, { width: NARROWEST });
  assert.ok((await overflow(page)) > 0);
  await close();
});

test("an event stream is seen, and its end with the page is no fault", async () => {
  let watched;
  await visit(browser, `${origin}/live`, {}, async (visited) => {
    watched = visited;
    await visited.page.waitForFunction(() => document.getElementById("tick").textContent === "7");
  });
  assert.deepEqual(watched.streams, [`${origin}/stream`]);
  assert.deepEqual(watched.faults, []);
});
