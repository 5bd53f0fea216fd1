// Puts what the program embeds into two folders: the NHS.UK look into assets/dist, which the
// console serves under /assets/, where the style sheet looks for its pictures; and the font of
// printed registers with its licence into assets/print, from where only PDFs take it.
//
// Run by `make assets`; needs nothing but node and the installed packages. A file that
// is already right is left alone, so that the Rust build does not embed it anew.

import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const packages = join(here, "..", "node_modules");

const asItIs = (bytes) => bytes;

// Each folder below assets, with the packages whose versions its NOTICES.txt tells, and its files:
// [from, below node_modules; to, below the folder; what has to change on the way]
const FOLDERS = {
  dist: {
    packages: ["nhsuk-frontend"],
    files: [
      ["nhsuk-frontend/dist/nhsuk/nhsuk-frontend.min.css", "nhsuk-frontend.css", selfContainedStyle],
      ...pictures("nhsuk-frontend/dist/nhsuk/assets/images"),
    ],
  },
  print: {
    packages: ["dejavu-fonts-ttf"],
    files: [
      ["dejavu-fonts-ttf/ttf/DejaVuSansCondensed.ttf", "DejaVuSansCondensed.ttf", asItIs],
      ["dejavu-fonts-ttf/LICENSE", "DejaVu-LICENSE.txt", asItIs],
    ],
  },
};

/** Every picture of a folder, copied as it is. */
function pictures(folder) {
  const names = readdirSync(join(packages, folder)).sort();
  return names.map((name) => [`${folder}/${name}`, `images/${name}`, asItIs]);
}

/**
 * Drops the web font: it is fetched from a host outside the hospital, and it is licensed
 * apart from the style sheet, which then falls back to Arial.
 */
function selfContainedStyle(bytes) {
  const style = withoutSourceMap(bytes)
    .toString("utf8")
    .replace(/@font-face\{[^}]*\}/g, "");
  const outside = style.match(/url\(\s*["']?(https?:)?\/\/[^)]*\)/);
  if (outside) {
    throw new Error(`the style sheet would fetch ${outside[0]} from outside`);
  }
  return Buffer.from(style, "utf8");
}

/** Drops the pointer to a source map that is not shipped. */
function withoutSourceMap(bytes) {
  const text = bytes.toString("utf8");
  return Buffer.from(
    text.replace(/\/\*# sourceMappingURL=[^*]*\*\/|\/\/# sourceMappingURL=\S*/g, "").trimEnd() +
      "\n",
    "utf8",
  );
}

/** What is embedded, in which version and under which licence. */
function notices(named) {
  const lines = named.map((name) => {
    const about = JSON.parse(readFileSync(join(packages, name, "package.json"), "utf8"));
    return `${about.name} ${about.version}, ${about.license}\n`;
  });
  return Buffer.from(lines.join(""), "utf8");
}

/** Every file below a folder, by its path from there. */
function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)));
}

function sameAsBefore(path, bytes) {
  try {
    return readFileSync(path).equals(bytes);
  } catch (error) {
    if (error.code === "ENOENT") return false;
    throw error;
  }
}

for (const [folder, { packages: named, files }] of Object.entries(FOLDERS)) {
  const target = join(here, folder);
  mkdirSync(target, { recursive: true });
  const made = new Map(
    files.map(([from, to, change]) => [to, change(readFileSync(join(packages, from)))]),
  );
  made.set("NOTICES.txt", notices(named));

  let written = 0;
  let size = 0;
  for (const [name, bytes] of made) {
    const path = join(target, name);
    size += bytes.length;
    if (sameAsBefore(path, bytes)) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    written += 1;
  }
  for (const name of filesBelow(target)) {
    if (!made.has(name)) rmSync(join(target, name));
  }
  const kilobytes = Math.ceil(size / 1024);
  console.log(`assets/${folder}: ${made.size} files, ${kilobytes} KiB, ${written} written`);
}
