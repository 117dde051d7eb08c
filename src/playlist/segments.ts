import { directoryOf } from "../base/canonical-path.ts";

/** An absolute path without its dot segments (RFC 3986 §5.2.4): `..` at the root stays at the root, as in browsers. */
export function removeDotSegments(path: string): string {
  return withoutDotSegments(path).path;
}

/**
 * Whether the dot segments of an absolute path climb above its root. On the media host the grant is above the root, so a
 * player would leave the grant out: `/film/../../film/0.ts` becomes `/film/0.ts` where it has to be `/<grant>/film/0.ts`.
 */
export function climbsAboveRoot(path: string): boolean {
  return withoutDotSegments(path).climbs;
}

function withoutDotSegments(path: string): { readonly path: string; readonly climbs: boolean } {
  if (!path.includes("/.")) return { path, climbs: false };
  const kept: string[] = [];
  let climbs = false;
  const parts = path.split("/");
  for (let i = 1; i < parts.length; i++) {
    const part = parts[i] ?? "";
    const last = i === parts.length - 1;
    if (part === "..") {
      if (kept.pop() === undefined) climbs = true;
      if (last) kept.push("");
    } else if (part === ".") {
      if (last) kept.push("");
    } else {
      kept.push(part);
    }
  }
  return { path: `/${kept.join("/")}`, climbs };
}

/** The shortest relative reference that leads from the file `from` to `to`, both canonical absolute paths. */
export function relativeReference(from: string, to: string): string {
  const directory = directoryOf(from);
  let shared = 0;
  for (let i = 0; i < directory.length && directory[i] === to[i]; i++) if (directory[i] === "/") shared = i + 1;
  let up = "";
  for (let i = shared; i < directory.length; i++) if (directory[i] === "/") up += "../";
  const reference = up + to.slice(shared);
  if (reference === "") return "./";
  // RFC 3986 §4.2: a colon in the first segment would end a scheme.
  const colon = reference.indexOf(":");
  const slash = reference.indexOf("/");
  return colon >= 0 && (slash < 0 || colon < slash) ? `./${reference}` : reference;
}
