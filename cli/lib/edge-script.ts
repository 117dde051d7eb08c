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
  const { outputFiles } = await build({
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
  });
  const text = outputFiles[0]?.text ?? "";
  const exported = new RegExp(`export\\{([\\w$]+)(?: as ${name})?\\};\\s*$`).exec(text);
  if (exported === null) throw new Error(`${entry} does not export only ${name}`);
  return `const ${name}=(()=>{${text.slice(0, exported.index)}return ${exported[1]}})();\n`;
}
