import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium } from "playwright-core";

/** The usual paths of an installed Chrome or Chromium. */
const wellKnownPaths = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
  "C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe",
  "/usr/bin/google-chrome",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
];

/**
 * The flags of the browser. The Chromium package recommends `--disable-web-security` too, but with it no test would
 * notice a missing CORS header.
 */
const flags = [
  "--no-sandbox", // A container without user namespaces has no sandbox, and the pages are our own.
  "--no-zygote",
  "--disable-gpu",
  "--disable-software-rasterizer",
  "--disable-dev-shm-usage",
  "--autoplay-policy=no-user-gesture-required",
  "--mute-audio",
  "--font-render-hinting=none",
  // No network requests of the browser itself: no updates, no field trials, and no name resolution except for this
  // machine.
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-domain-reliability",
  "--disable-sync",
  "--no-pings",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
];

interface Installed {
  readonly executablePath: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Starts a headless browser with H.264. It is the program in STAGEDOOR_CHROME; otherwise, on Linux x64, the Chromium in
 * the npm package @sparticuz/chromium, which brings its own libraries; elsewhere, an installed Chrome. Throws an Error
 * with instructions if there is none.
 */
export async function launchBrowser(): Promise<Browser> {
  const { executablePath, env } = await findBrowser();
  return chromium.launch({ executablePath, args: flags, env: { ...ownEnvironment(), ...env } });
}

/**
 * Unpacked once per process: unpacking changes TMPDIR, and a browser that starts meanwhile would create its profile
 * there.
 */
let bundled: Promise<Installed> | undefined;

async function findBrowser(): Promise<Installed> {
  const named = process.env.STAGEDOOR_CHROME;
  if (named !== undefined && named !== "") return { executablePath: named, env: {} };
  if (process.platform === "linux" && process.arch === "x64") {
    bundled ??= bundledChromium();
    return bundled;
  }
  const installed = wellKnownPaths.find((path) => existsSync(path));
  if (installed === undefined)
    throw new Error("No Chrome was found: install Chrome or Chromium, or name its program in STAGEDOOR_CHROME.");
  return { executablePath: installed, env: {} };
}

/** The packed Chromium, unpacked once per installation into `node_modules/.cache`, which `npm ci` removes. */
async function bundledChromium(): Promise<Installed> {
  const packs = join(dirname(fileURLToPath(import.meta.resolve("@sparticuz/chromium"))), "../bin");
  const { version } = createRequire(import.meta.url)(join(packs, "../package.json"));
  const cache = join(packs, "../../../.cache/stagedoor");
  const folder = join(cache, `chromium-${version}`);
  if (!existsSync(folder)) {
    await mkdir(cache, { recursive: true });
    const staging = await mkdtemp(join(cache, "unpacking-"));
    await unpack(packs, staging);
    await writeFile(join(staging, "fonts.conf"), fontsConfiguration(join(folder, "fonts")));
    // Renaming is atomic, so the folder is always complete, even if two processes unpack at once.
    await rename(staging, folder).catch(() => rm(staging, { recursive: true }));
  }
  return {
    executablePath: join(folder, "chromium"),
    env: { LD_LIBRARY_PATH: join(folder, "al2023/lib"), FONTCONFIG_FILE: join(folder, "fonts.conf") },
  };
}

/** The package always unpacks to the temporary directory, so this changes TMPDIR for that time. */
async function unpack(packs: string, target: string): Promise<void> {
  const { inflate } = await import("@sparticuz/chromium");
  const before = process.env.TMPDIR;
  process.env.TMPDIR = target;
  try {
    await Promise.all(["chromium.br", "al2023.tar.br", "fonts.tar.br"].map((pack) => inflate(join(packs, pack))));
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
}

function fontsConfiguration(folder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${folder}</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`;
}

function ownEnvironment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, value ?? ""]));
}
