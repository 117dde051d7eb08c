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
 * What the browser is started with. The flags that the Chromium package recommends are not among them: they hold
 * `--disable-web-security`, and with it no test would see a missing CORS header.
 */
const flags = [
  "--no-sandbox", // a container without user namespaces has none, and the pages are our own
  "--no-zygote",
  "--disable-gpu",
  "--disable-software-rasterizer",
  "--disable-dev-shm-usage",
  "--autoplay-policy=no-user-gesture-required",
  "--mute-audio",
  "--font-render-hinting=none",
  // It asks nobody for anything: no updates, no field trials, no look-up but of this machine's own name.
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
 * Starts a headless browser with H.264. STAGEDOOR_CHROME names one; else on Linux x64 it is the Chromium that the npm
 * package @sparticuz/chromium holds, with its own libraries, so that nothing has to be installed; elsewhere an installed
 * Chrome. Throws an Error that says what to do where there is none.
 */
export async function launchBrowser(): Promise<Browser> {
  const { executablePath, env } = await findBrowser();
  return chromium.launch({ executablePath, args: flags, env: { ...ownEnvironment(), ...env } });
}

/** Unpacked once per process: unpacking moves TMPDIR, and a browser that starts meanwhile would put its profile there. */
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

/** The packed Chromium, unpacked once an installation: beside the package, where `npm ci` clears it away. */
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
    // Renaming is what makes it whole: who finds the folder finds all of it, also when two unpack at once.
    await rename(staging, folder).catch(() => rm(staging, { recursive: true }));
  }
  return {
    executablePath: join(folder, "chromium"),
    env: { LD_LIBRARY_PATH: join(folder, "al2023/lib"), FONTCONFIG_FILE: join(folder, "fonts.conf") },
  };
}

/** The package unpacks to the temporary directory and nowhere else, so that is moved for the time it takes. */
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
