import { build } from "esbuild";
import { packageRoot } from "./project.ts";

/**
 * What an edge's interpreter understands in addition to ES 5: njs 0.7.9 (Debian 12) and CloudFront Functions 2.0. esbuild
 * rewrites some other syntax and refuses the rest.
 */
const supported = { "const-and-let": true, arrow: true, "template-literal": true };

/**
 * Compiles a module and everything that it imports into a small script for an edge. The module's only export becomes the
 * constant `name`, because njs 0.7.9 knows no named exports and CloudFront no modules. Nothing else becomes global: short
 * names would collide with those of the code that uses it.
 */
export async function edgeScript(entry: string, name: string): Promise<string> {
  const { code, local } = await compiled(entry, name, { mangleProps: members(everywhere) });
  return `const ${name}=(()=>{${code}return ${local}})();\n`;
}

/** What a script contains instead of names that nothing declares: a value, or another name, which stays as it is. */
export interface Constants {
  readonly [name: string]: { readonly value: unknown } | { readonly name: string };
}

/**
 * Compiles a module into a whole script whose only export is the function `name`. It is not in a closure, so it may be
 * async, as CloudFront Functions 2.0 have it. `constants` are by their name or by the member that is read, such as
 * `settings.issuer`.
 */
export async function wholeScript(entry: string, name: string, constants: Constants): Promise<string> {
  const define = Object.entries(constants).map(([key, constant]) => [
    key,
    "name" in constant ? constant.name : (JSON.stringify(constant.value) ?? "undefined"),
  ]);
  const { code, local } = await compiled(entry, name, {
    supported: { ...supported, "async-await": true },
    define: Object.fromEntries(define),
    mangleProps: members([...everywhere, ...inScript]),
  });
  const parts = code.split(`async function ${local}(`);
  if (parts.length !== 2) throw new Error(`${entry} does not export an async function ${name}`);
  return parts.join(`async function ${name}(`);
}

/** Members that no other script reads or writes get shorter names. */
const everywhere = ["decode", "mac", "sha256"];

/** In a script that contains the verifier and its only caller. */
const inScript = [
  ...["kid", "exp", "grant", "shared", "session", "address", "userAgent", "digits", "bits", "prefix", "subject"],
  ...["sessionId", "prefixes", "issuedAt", "expiresAt", "token", "login", "signer", "use", "network", "purpose"],
  ...["asset", "path", "query", "download", "appended", "remaining"],
  ...["status", "code", "location"],
];

function members(names: readonly string[]): RegExp {
  return new RegExp(`^(?:${names.join("|")})$`);
}

async function compiled(entry: string, name: string, options: Parameters<typeof build>[0]) {
  const { outputFiles = [] } = await build({
    absWorkingDir: packageRoot,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es5",
    supported,
    legalComments: "none",
    logLevel: "silent",
    ...options,
  });
  const text = outputFiles[0]?.text ?? "";
  const exported = new RegExp(`export\\{([\\w$]+)(?: as ${name})?\\};\\s*$`).exec(text);
  if (exported === null) throw new Error(`${entry} does not export only ${name}`);
  return { code: text.slice(0, exported.index), local: exported[1] };
}
