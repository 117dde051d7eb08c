import { ok, type Result, refuse } from "../../src/base/result.ts";
import type { FunctionSettings } from "../../src/cloudfront/function-types.ts";
import { settingsSchema } from "../../src/config/settings.ts";
import { scriptOf } from "./project.ts";

/** The most bytes of a CloudFront Function. */
export const maxFunctionBytes = 10_240;

/** The id of the manifest host among the distribution's origins. */
export const manifestOrigin = "manifest";

/** The settings that are filled in after the compilation, which is done once for each way to treat a failing store. */
export const openSettings = ["issuer", "manifestOrigin", "renewal", "assets"] as const;

/** The ways to treat a failing store. */
export const storeFailures = ["refuse", "forward"] as const satisfies readonly FunctionSettings["storeFailure"][];

/** The compiled function in an installed package, in `dist`. */
export function templateFile(storeFailure: FunctionSettings["storeFailure"]): string {
  return `cloudfront-${storeFailure}.js`;
}

/**
 * The CloudFront Function of a deployment: one script for the runtime 2.0, which has to be associated with the deployment's
 * KeyValueStore. Refused if it exceeds CloudFront's limit.
 */
export async function functionScript(settings: FunctionSettings): Promise<Result<string, string>> {
  const { storeFailure } = settings;
  const template = await scriptOf(templateFile(storeFailure), async () => {
    const { functionTemplate } = await import("./function-template.ts");
    return functionTemplate(storeFailure, openSettings);
  });
  const text = openSettings.reduce(
    (script, name) => script.replaceAll(`settings_${name}`, () => JSON.stringify(settings[name]) ?? "undefined"),
    template,
  );
  const bytes = Buffer.byteLength(text);
  if (bytes > maxFunctionBytes)
    return refuse(
      `the function has ${bytes} bytes, and CloudFront accepts ${maxFunctionBytes}: list fewer assets in it`,
    );
  return ok(text);
}

const readSettings = settingsSchema.pick({
  STAGEDOOR_GRANT_ISSUER: true,
  STAGEDOOR_RENEWAL: true,
  STAGEDOOR_PAUSE_ALLOWANCE: true,
  STAGEDOOR_EXPIRY_STEP: true,
});

/** What the function has of the media host's settings (STAGEDOOR_*). Refused if one of these is invalid. */
export function settingsOfFunction(
  settings: Readonly<Record<string, string>>,
): Result<Omit<FunctionSettings, "storeFailure">, string> {
  const read = readSettings.safeParse(settings);
  if (!read.success)
    return refuse(read.error.issues.map(({ path, message }) => `${path.join()}: ${message}`).join("; "));
  return ok({
    issuer: read.data.STAGEDOOR_GRANT_ISSUER,
    manifestOrigin,
    ...(read.data.STAGEDOOR_RENEWAL === "redirect" && {
      renewal: { lifetime: read.data.STAGEDOOR_PAUSE_ALLOWANCE, step: read.data.STAGEDOOR_EXPIRY_STEP },
    }),
  });
}
