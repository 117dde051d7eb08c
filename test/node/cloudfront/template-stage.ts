import { distributionPlan } from "../../../cli/cloudfront/distribution-plan.ts";
import { type Format, templateFiles } from "../../../cli/cloudfront/template-command.ts";
import { defaultConfig, deploymentWith } from "../../unit/deployment/example-config.ts";
import { scriptOf } from "./stage.ts";

/** The CDNs of a deployment, one of them with the function. */
export const cdn = (host: string) => ({ ...defaultConfig.cdns, far: { type: "cloudfront-function", host } });
export const films = { type: "s3", bucket: "films-bucket", region: "eu-central-1", secret: "S3_KEY" };
export const secrets = {
  S3_KEY: {
    use: "sigv4",
    accessKeyId: "S3_KEY_ID",
    hosts: [...["films-bucket", "more-films"].map((name) => `${name}.s3.eu-central-1.amazonaws.com`), "s3.tv.test"],
  },
};
export const film = { id: "film", origin: "films", entries: { hls: "index.m3u8" }, cdn: "far" };
export const production = (domain: string) => ({ production: { ...defaultConfig.environments.production, domain } });
export const script = await scriptOf();

/** The plan of a deployment with these members in place of valid ones. */
export const planOf = (changes: object, named?: string) =>
  distributionPlan(
    deploymentWith({
      cdns: cdn("cdn.{domain}"),
      origins: { films },
      secrets,
      assets: [film],
      environments: production("tv.test"),
      ...changes,
    }),
    "production",
    named,
    script,
  );

/** The files of a format, by name. */
export function filesOf(format: Format, host: string): Readonly<Record<string, string>> {
  const plan = planOf({ cdns: cdn(host) });
  if (!plan.ok) throw new Error(plan.refusal);
  return Object.fromEntries(templateFiles(plan.value, format));
}
