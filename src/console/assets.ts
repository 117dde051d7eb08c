import type { TextHash } from "../base/hash.ts";
import { script } from "./script.ts";
import { answers } from "./style/answers.ts";
import { base } from "./style/base.ts";
import { overview } from "./style/overview.ts";
import { tokens } from "./style/tokens.ts";

export const scriptPath = "/console/console.js";
export const stylePath = "/console/console.css";

/** The demo page's (`web/icon.svg`). */
const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#17181a"/><path d="M10 26V10a2 2 0 0 1 2-2h8a2 2 0 0 1 2 2v16M6 26h20" fill="none" stroke="#f4f3ef" stroke-width="2.5" stroke-linecap="round"/><circle cx="18" cy="17.5" r="1.8" fill="#f0b254"/></svg>`;

const files = {
  [scriptPath]: { type: "text/javascript; charset=utf-8", text: script },
  [stylePath]: { type: "text/css; charset=utf-8", text: [tokens, base, overview, answers].join("\n") },
  "/console/icon.svg": { type: "image/svg+xml", text: icon },
} as const;

/** The console's own files: they hold nothing of anybody, and a browser asks whether they have changed by their ETag. */
export function fileAt(path: string, ifNoneMatch: string | null, sha256: TextHash): Response | undefined {
  const file = Object.entries(files).find(([name]) => name === path)?.[1];
  if (file === undefined) return undefined;
  const tag = `"${sha256(file.text).slice(0, 22)}"`;
  const headers = { "Content-Type": file.type, "Cache-Control": "public, max-age=0, must-revalidate", ETag: tag };
  const same = ifNoneMatch?.split(",").some((known) => known.trim().replace(/^W\//, "") === tag) === true;
  return same ? new Response(null, { status: 304, headers }) : new Response(file.text, { headers });
}
