// Keeps the live loop live: replaces the parts of the page that the node sends, and says so
// clearly when nothing has come for a while.

// After how long without an update the page counts as stale, in ms. The node sends one at least
// every ten seconds.
const STALE_AFTER = 20_000;
// How long to wait before a stream that the node ended or refused is asked for again, in ms.
const RETRY = 5_000;
const RELOAD = 15_000;
// The least time between two spoken announcements, in ms: the page changes twice a second, and a
// screen reader must not.
const SPEAK_EVERY = 60_000;

const WHY = {
  silent: "The node has sent nothing for a while.",
  lost: "The connection to the node is lost.",
  stopped: "The node has stopped.",
  refused: "The node does not take another viewer now.",
};

let source;
let updated = performance.now();
let why = "silent";
let stale = false;
let spoken = -SPEAK_EVERY;
let cases = openCases();

function openCases() {
  return document.querySelector('[data-count="open-cases"]')?.textContent.trim();
}

/** Replaces one part. Rows that were not there before are marked, so that the eye finds them. */
function replace(name, html) {
  const part = document.querySelector(`[data-part="${CSS.escape(name)}"]`);
  if (!part) return;
  const keys = () => [...part.querySelectorAll("[data-key]")];
  const known = new Set(keys().map((row) => row.dataset.key));
  part.innerHTML = html;
  for (const row of keys()) {
    if (known.size > 0 && !known.has(row.dataset.key)) row.classList.add("il-new");
  }
}

function words(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return minutes === 1 ? "1 minute" : `${minutes} minutes`;
  const hours = Math.floor(minutes / 60);
  return `${hours} h ${minutes % 60} min`;
}

function speak(text, now) {
  spoken = now;
  document.getElementById("announcement").textContent = text;
}

/** Looks once a second whether the page is stale, and says how old it is. */
function look() {
  const now = performance.now();
  const age = now - updated;
  const open = source?.readyState === EventSource.OPEN;
  const nowStale = age > STALE_AFTER || (!open && age > RETRY);
  if (nowStale) {
    document.querySelector('[data-stale="why"]').textContent = WHY[why];
    document.querySelector('[data-stale="age"]').textContent = words(age);
  }
  if (nowStale !== stale) {
    stale = nowStale;
    document.body.classList.toggle("il-is-stale", stale);
    document.getElementById("stale").hidden = !stale;
    speak(stale ? `This page is stale. ${WHY[why]}` : "This page is live again.", now);
  } else if (now - spoken >= SPEAK_EVERY) {
    const count = openCases();
    if (stale) speak(`This page is stale. It is ${words(age)} old.`, now);
    else if (count !== cases) speak(`Open cases: ${count}`, now);
    cases = count;
  }
  for (const state of document.querySelectorAll("[data-state]")) {
    state.hidden = (state.dataset.state === "stale") !== stale;
  }
}

function connect() {
  source = new EventSource("/live");
  source.addEventListener("part", (event) => {
    const end = event.data.indexOf("\n");
    if (end < 0) return;
    replace(event.data.slice(0, end), event.data.slice(end + 1));
    updated = performance.now();
    why = "silent";
  });
  source.addEventListener("signed-out", () => {
    source.close();
    location.assign("/sign-in");
  });
  source.addEventListener("stopped", () => {
    source.close();
    why = "stopped";
    setTimeout(connect, RETRY);
  });
  source.addEventListener("error", () => {
    if (why !== "stopped") why = "lost";
    if (source.readyState !== EventSource.CLOSED) return;
    // The node answered and refused: the page itself tells why, or asks for a key.
    why = "refused";
    setTimeout(() => location.reload(), RELOAD);
  });
}

connect();
setInterval(look, 1000);
