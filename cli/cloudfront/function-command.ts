import { resolve } from "node:path";
import { type Result, refuse } from "../../src/base/result.ts";
import type { FunctionSettings } from "../../src/cloudfront/function-types.ts";
import { type Deployment, type EnvironmentName, environmentNames } from "../../src/deployment/config-schema.ts";
import { settingsFor } from "../../src/deployment/wrangler-config.ts";
import { type Args, type Command, endFailed, endInvalid, endMisused, succeeded } from "../lib/command.ts";
import { readDeployment } from "../lib/deployment-folder.ts";
import { rewriteFile, shortName } from "../lib/files.ts";
import {
  functionScript,
  manifestOrigin,
  maxFunctionBytes,
  settingsOfFunction,
  storeFailures,
} from "../lib/function-script.ts";
import { inDeployment, projectRoot } from "../lib/project.ts";

/** Outside of a deployment's folder there are no CDNs. */
export const noDeployment =
  "There is no stagedoor.config.json here or above: make a deployment's folder with `npx stagedoor init <folder>`, and run this command in it.";

export const cloudfrontFunctionCommand: Command = {
  name: "cloudfront function",
  summary: "write the CloudFront Function that checks the URLs of a distribution",
  operands: [],
  options: { env: { type: "string" }, out: { type: "string" }, "store-failure": { type: "string" } },
  help: `Writes the script of the CloudFront Function for the assets of stagedoor.config.json that are on a CDN of the type
cloudfront-function. It contains no key: those are in its KeyValueStore. Run it again, and publish the function, after a change of
STAGEDOOR_RENEWAL, STAGEDOOR_PAUSE_ALLOWANCE, STAGEDOOR_EXPIRY_STEP or STAGEDOOR_GRANT_ISSUER. A new asset does not change it.

  --env <environment>     staging or production
  --out <file>            where to write it (cloudfront-<environment>.js)
  --store-failure <what>  what to do while the store does not answer: refuse requests, or forward them to the
                          manifest host, which checks each itself (refuse)`,
  run: async (args) => {
    if (!inDeployment) return endMisused(noDeployment);
    const read = readDeployment(projectRoot);
    if (!read.ok) return endFailed(read.refusal);
    const environment = environmentOf(args, read.value);
    const storeFailure = storeFailureOf(args);
    const settings = functionSettings(read.value, environment);
    if (!settings.ok) return endFailed(settings.refusal);
    const script = await functionScript({ ...settings.value, storeFailure });
    if (!script.ok) return endFailed(`Nothing was written: ${script.refusal}.`);
    const file = args.value("out") ?? `cloudfront-${environment}.js`;
    await rewriteFile(resolve(file), "open", async () => ({ text: script.value, result: undefined }));
    const bytes = Buffer.byteLength(script.value);
    const name = `stagedoor-${environment}`;
    const config = {
      Comment: "stagedoor",
      Runtime: "cloudfront-js-2.0",
      KeyValueStoreAssociations: { Quantity: 1, Items: [{ KeyValueStoreARN: "<the ARN of the store>" }] },
    };
    return succeeded(
      `Wrote ${shortName(resolve(file))}: ${bytes} of the ${maxFunctionBytes} bytes that CloudFront accepts.

Next, once for each distribution:

  aws cloudfront create-key-value-store --name ${name}
  aws cloudfront create-function --name ${name} --function-code fileb://${file} \\
      --function-config '${JSON.stringify(config)}'
  aws cloudfront publish-function --name ${name} --if-match <the ETag that create-function printed>

Then associate the function with the event viewer-request of every cache behaviour. The distribution's origin with the id
${manifestOrigin} is the media host. It needs the header Stagedoor-Edge-Secret with a value of STAGEDOOR_EDGE_SECRETS.
\`npx stagedoor cloudfront template\` writes all of this, and \`npx stagedoor cloudfront sync\` fills the store.`,
      { file, bytes, limit: maxFunctionBytes, storeFailure },
    );
  },
};

/** What the function does while its store does not answer: `--store-failure`. */
export function storeFailureOf(args: Args): FunctionSettings["storeFailure"] {
  const failure = args.value("store-failure") ?? "refuse";
  return (
    storeFailures.find((name) => name === failure) ?? endInvalid("store-failure", failure, storeFailures.join(" or "))
  );
}

/** The environment of `--env`, which the deployment's file has. */
export function environmentOf(args: Args, { config }: Deployment): EnvironmentName {
  const allowed = environmentNames.join(" or ");
  const text = args.value("env") ?? endMisused(`--env is missing: give ${allowed}.`);
  const environment = environmentNames.find((name) => name === text) ?? endInvalid("env", text, allowed);
  if (config.environments[environment] === undefined)
    endFailed(
      `environments has no ${environment}: add {"domain": "…"} to stagedoor.config.json, or choose another with --env.`,
    );
  return environment;
}

/** What the edge worker of this environment has, for the function. Refused if no CDN has the function. */
export function functionSettings(
  { config }: Pick<Deployment, "config">,
  environment: EnvironmentName,
): Result<Omit<FunctionSettings, "storeFailure">, string> {
  const types = Object.values(config.cdns).map(({ type }) => type);
  if (!types.includes("cloudfront-function"))
    return refuse(
      `No CDN of stagedoor.config.json has the type cloudfront-function (it has ${types.join(", ")}): add {"type": "cloudfront-function", "host": "<the distribution's host>"} to cdns.`,
    );
  return settingsOfFunction(settingsFor("edge", config, environment));
}
