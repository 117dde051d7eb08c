import { directoryOf } from "../base/canonical-path.ts";

/**
 * An absolute path without its dot segments (RFC 3986 §5.2.4), or undefined where it climbs above the root. The RFC stays
 * at the root instead; here the root is the asset's host, and above it stands the grant.
 */
export function removeDotSegments(path: string): string | undefined {
  if (!path.includes("/.")) return path;
  const kept: string[] = [];
  const parts = path.split("/");
  for (let i = 1; i < parts.length; i++) {
    const part = parts[i] ?? "";
    const last = i === parts.length - 1;
    if (part === "..") {
      if (kept.pop() === undefined) return undefined;
      if (last) kept.push("");
    } else if (part === ".") {
      if (last) kept.push("");
    } else {
      kept.push(part);
    }
  }
  return `/${kept.join("/")}`;
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
