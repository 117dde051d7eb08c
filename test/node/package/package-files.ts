import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../../cli/lib/project.ts";

export interface Example {
  readonly code: string;
  /** The lines that it prints: the comments behind its calls of console.log. */
  readonly prints: readonly string[];
}

/** The JavaScript examples of a page. */
export function examplesIn(page: string): readonly Example[] {
  return [...page.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = ""]) => ({
    code,
    prints: [...code.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)].map(([, line = ""]) => line),
  }));
}

/** The entries of the package by the names in `exports`, such as `./playlist`. */
function exportsOfPackage(): ReadonlyMap<string, { readonly types: string; readonly default: string }> {
  const { exports } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
  return new Map(
    Object.entries<{ types: string; default: string }>(exports).filter(([name]) => name !== "./package.json"),
  );
}

/** The source of an export: `stagedoor/playlist` is src/package/playlist.ts. */
export function sourceOf(specifier: string): string {
  const name = specifier === "@stagedoor/player" ? "./player" : specifier.replace(/^stagedoor/, ".");
  const compiled = exportsOfPackage().get(name)?.default;
  if (compiled === undefined) throw new Error(`package.json does not export ${name}`);
  return compiled.replace(/^\.\/dist\//, "").replace(/\.js$/, ".ts");
}
