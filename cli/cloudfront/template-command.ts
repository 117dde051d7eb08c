import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Command, endFailed, endInvalid, endMisused, succeeded } from "../lib/command.ts";
import { readDeployment } from "../lib/deployment-folder.ts";
import { reasonOf, rewriteFile, shortName } from "../lib/files.ts";
import { functionScript } from "../lib/function-script.ts";
import { inDeployment, projectRoot } from "../lib/project.ts";
import { distributionTemplate } from "./cloudformation.ts";
import { bucketTemplate } from "./cloudformation-buckets.ts";
import { type DistributionPlan, distributionPlan, edgeSecretName } from "./distribution-plan.ts";
import { environmentOf, functionSettings, noDeployment, storeFailureOf } from "./function-command.ts";
import { terraformDistribution, terraformScriptFile } from "./terraform.ts";

const formats = ["cloudformation", "terraform"] as const;
export type Format = (typeof formats)[number];

export const cloudfrontTemplateCommand: Command = {
  name: "cloudfront template",
  summary: "write a template of the distribution, its function, store and policies",
  operands: [],
  options: {
    env: { type: "string" },
    format: { type: "string" },
    cdn: { type: "string" },
    out: { type: "string" },
    "store-failure": { type: "string" },
  },
  help: `Writes everything that the CDN of the type cloudfront-function needs in an AWS account: the function, an empty KeyValueStore, the
distribution with the bucket and the media host as origins, its policies, the bucket's policy, a log without grants, alarms, and an
IAM policy for what fills the store. It contains no secret: the value of Stagedoor-Edge-Secret comes from AWS's Secrets Manager, and
keys are written by \`npx stagedoor cloudfront sync\`. Until then the function refuses every request. The same answers give the same files.

  --env <environment>     staging or production
  --format <format>       cloudformation or terraform (cloudformation)
  --out <folder>          where to write (cloudfront-<environment>)
  --cdn <name>            the member of cdns, if several have the type cloudfront-function
  --store-failure <what>  as for cloudfront function: refuse or forward (refuse)`,
  run: async (args) => {
    if (!inDeployment) return endMisused(noDeployment);
    const read = readDeployment(projectRoot);
    if (!read.ok) return endFailed(read.refusal);
    const environment = environmentOf(args, read.value);
    const named = args.value("format") ?? formats[0];
    const format = formats.find((name) => name === named) ?? endInvalid("format", named, formats.join(" or "));
    const storeFailure = storeFailureOf(args);
    const settings = functionSettings(read.value, environment);
    if (!settings.ok) return endFailed(settings.refusal);
    const script = await functionScript({ ...settings.value, storeFailure });
    if (!script.ok) return endFailed(`Nothing was written: ${script.refusal}.`);
    const plan = distributionPlan(read.value, environment, args.value("cdn"), script.value);
    if (!plan.ok) return endFailed(plan.refusal);
    const folder = args.value("out") ?? `cloudfront-${environment}`;
    const files = templateFiles(plan.value, format);
    await writeInto(folder, files);
    const names = files.map(([name]) => name);
    return succeeded(
      `Wrote ${names.map((name) => shortName(resolve(folder, name))).join(" and ")}. They contain no secret.

Next:

${nextCommands(plan.value, format, folder, environment).join("\n\n")}

Then write the outputs into stagedoor.config.json: ${plan.value.alias === undefined ? `the distribution's domain name is cdns.${plan.value.cdn}.host, and ` : ""}the store's ARN is
cdns.${plan.value.cdn}.store.${environment}. The store is empty until \`npx stagedoor cloudfront sync\` has filled it: the function
answers 503 (store_unavailable). docs/deploy/cloudfront.md has all steps.`,
      { folder, files: names, format, name: plan.value.name },
    );
  },
};

/** The files of a format: names and texts. */
export function templateFiles(
  plan: DistributionPlan,
  format: Format,
): readonly (readonly [name: string, text: string])[] {
  return format === "cloudformation"
    ? [
        ["distribution.json", distributionTemplate(plan)],
        ["bucket.json", bucketTemplate(plan)],
      ]
    : [
        ["main.tf", terraformDistribution(plan)],
        [terraformScriptFile, plan.script],
      ];
}

async function writeInto(folder: string, files: readonly (readonly [name: string, text: string])[]): Promise<void> {
  try {
    mkdirSync(resolve(folder), { recursive: true });
  } catch (error) {
    endFailed(`${folder} cannot be written: ${reasonOf(error)}. Nothing was written.`);
  }
  for (const [name, text] of files)
    await rewriteFile(resolve(folder, name), "open", async () => ({ text, result: undefined }));
}

function nextCommands(plan: DistributionPlan, format: Format, folder: string, environment: string): readonly string[] {
  const { name, region, alias, bucket } = plan;
  const secret = `  sed -n 's/^STAGEDOOR_EDGE_SECRETS=//p' secrets-${environment}.env | cut -d, -f1 | tr -d '\\n' |
    aws secretsmanager create-secret --region us-east-1 --name ${edgeSecretName(plan)} \\
      --secret-string file:///dev/stdin`;
  if (format === "terraform")
    return [
      secret,
      `  terraform -chdir=${folder} init
  terraform -chdir=${folder} apply -var create_bucket=true${alias === undefined ? "" : " -var certificate_arn=<ARN>"}   # false if ${bucket} exists`,
    ];
  const deploy = (where: string, stack: string, file: string) =>
    `  aws cloudformation deploy --region ${where} --stack-name ${stack} \\
      --template-file ${join(folder, file)} --capabilities CAPABILITY_IAM`;
  const certificate = alias === undefined ? "" : " \\\n      --parameter-overrides CertificateArn=<ARN>";
  return [
    secret,
    `${deploy("us-east-1", name, "distribution.json")}${certificate}
  aws cloudformation describe-stacks --region us-east-1 --stack-name ${name} --query 'Stacks[0].Outputs'`,
    `${deploy(region, `${name}-films`, "bucket.json")} \\
      --parameter-overrides DistributionId=<id> CreateBucket=yes   # no if ${bucket} exists`,
  ];
}
