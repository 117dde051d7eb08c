import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { shellQuoted } from "../../../cli/keys/export-templates.ts";
import { folder, json, runFile, secretsIn, stagedoor } from "./command-line.ts";

const place = folder();
const ring = join(place, "keys.json");
const formats = ["cloudformation", "terraform", "aws-cli"];
const pems = new Map<string, string>();
const newKey = (kid: string, ...more: string[]) => stagedoor("keys", "new", "--kid", kid, "--ring", ring, ...more);
const exportKeys = (format: string, ...more: string[]) =>
  stagedoor("keys", "export", "--ring", ring, "--format", format, ...more);

beforeAll(async () => {
  await newKey("s1", "--purpose", "session");
  await newKey("a.b", "--purpose", "cloudfront", "--type", "rsa");
  await newKey("a-b", "--purpose", "cloudfront", "--type", "ec");
  await newKey("gone", "--purpose", "cloudfront", "--type", "ec", "--exp", "1830000000");
  const document = JSON.parse(readFileSync(ring, "utf8"));
  for (const key of document.keys) if (key.kid === "gone") key.exp = 1_700_000_000;
  writeFileSync(ring, JSON.stringify(document));
  for (const kid of ["a.b", "a-b", "gone"]) pems.set(kid, `${(await exportKeys("pem", "--kid", kid)).stdout}\n`);
});

/** Runs the script with an `aws` that records its arguments and prints an id. */
async function runScript(script: string, group = "None") {
  const calls = join(folder(), "calls");
  const aws = join(place, "aws");
  writeFileSync(
    aws,
    `#!/bin/sh\nprintf '%s\\0' "$@" >> ${calls}\nprintf '\\n' >> ${calls}\n[ $2 = list-key-groups ] && echo ${group} || echo "ID$$"\n`,
  );
  // A shell function, so that the script never finds an installed aws.
  const run = await runFile("/bin/bash", ["-c", `aws() { /bin/sh ${aws} "$@"; }\n${script}`], place, process.env);
  const words = readFileSync(calls, "utf8").split("\0\n").filter(Boolean);
  return { run, calls: words.map((call) => call.split("\0")) };
}

const valueAfter = (words: readonly string[], option: string) => JSON.parse(words[words.indexOf(option) + 1] ?? "");

describe.each(formats)("keys export --format %s", (format) => {
  it("contains no part of a private key, and no expired key", async () => {
    const { exit, stdout, stderr } = await exportKeys(format);
    expect(exit).toBe(0);
    expect(secretsIn(ring).length).toBeGreaterThan(7);
    for (const secret of secretsIn(ring)) expect(stdout + stderr).not.toContain(secret);
    expect(stdout).not.toMatch(/PRIVATE|gone/);
    expect(stdout).not.toContain(pems.get("gone")?.split("\n")[2]);
  });

  it("prints the same text each time, and the next steps on standard error", async () => {
    const [one, two] = [await exportKeys(format), await exportKeys(format)];
    expect(one).toEqual(two);
    expect(one.stderr).toContain("npx stagedoor keys bind");
    expect(one.stdout).not.toContain("Next:");
  });

  it("names a key the same after its kid becomes its CloudFront id, so it is not created twice", async () => {
    const bound = join(folder(), "keys.json");
    writeFileSync(bound, readFileSync(ring, "utf8").replace('"a-b"', '"K2JCJMDEHXQW5F"'));
    const names = async (file: string) => {
      const { keys, text } = await json("keys", "export", "--ring", file, "--format", format);
      expect(keys).toHaveLength(2);
      for (const { name } of keys) expect(text).toContain(name);
      return keys.map(({ kid: _, comment: __, known: ___, ...rest }: Record<string, string>) => rest);
    };
    expect(await names(bound)).toEqual(await names(ring));
    expect((await exportKeys(format)).stdout).not.toMatch(/(CallerReference|[Nn]ame)"? *[:=] *"[^"]*a[.-]b/);
  });

  it("exports only the key of --kid, and warns that the key group is then smaller", async () => {
    const { stdout, stderr } = await exportKeys(format, "--kid", "a-b");
    expect(stdout).toContain("Stagedoor key a-b");
    expect(stdout).not.toContain("a.b");
    expect(stderr).toContain("The key group contains only the keys named here");
  });

  it.each([
    ["gone", 'The key "gone" is retired or has expired: CloudFront does not need it.'],
    ["s1", 'The key "s1" is for session: name cloudfront keys.'],
  ])("refuses to export %s", async (kid, message) => {
    const { exit, stdout, stderr } = await exportKeys(format, "--kid", kid);
    expect([exit, stdout, stderr]).toEqual([1, "", message]);
  });
});

describe("keys export of a key that CloudFront already has", () => {
  const known = join(folder(), "keys.json");
  const mark = (origin: string) => {
    const { keys } = JSON.parse(readFileSync(ring, "utf8"));
    const marked = keys.map((key: { kid: string }) =>
      key.kid === "a-b" ? { ...key, kid: "K2JCJMDEHXQW5F", cloudfront: origin } : key,
    );
    writeFileSync(known, JSON.stringify({ keys: marked }));
  };
  const text = async (format: string) =>
    (await stagedoor("keys", "export", "--ring", known, "--format", format)).stdout;

  it("adds an imported key to the key group by its id, without creating it", async () => {
    mark("imported");
    const { Resources } = JSON.parse(await text("cloudformation"));
    const created = Object.keys(Resources).filter((name) => Resources[name].Type === "AWS::CloudFront::PublicKey");
    expect(Resources.KeyGroup.Properties.KeyGroupConfig.Items).toEqual([{ Ref: created[0] }, "K2JCJMDEHXQW5F"]);
    expect(created).toHaveLength(1);
    const terraform = await text("terraform");
    expect(terraform.match(/^resource "aws_cloudfront_public_key"/gm)).toHaveLength(1);
    expect(terraform).toMatch(/items = \[\n {4}aws_cloudfront_public_key\.\w+\.id,\n {4}"K2JCJMDEHXQW5F",\n/);
    expect(terraform).toMatch(/"K2JCJMDEHXQW5F" += "K2JCJMDEHXQW5F",/);
  });

  it("still creates a key that was created here and then bound, so the stack does not delete it", async () => {
    mark("bound");
    const { Resources } = JSON.parse(await text("cloudformation"));
    const unbound = JSON.parse((await exportKeys("cloudformation")).stdout).Resources;
    expect(Object.keys(Resources)).toEqual(Object.keys(unbound));
    expect(Resources.KeyGroup).toEqual(unbound.KeyGroup);
    expect((await text("terraform")).match(/^resource "aws_cloudfront_public_key"/gm)).toHaveLength(2);
  });
});

describe("keys export for one of several environments", () => {
  it.each([
    ["cloudformation", /"Name": \{\s*"Fn::Sub": "eu-staging-/],
    ["terraform", /resource "aws_cloudfront_key_group" "eu_staging" \{\n {2}name {4}= "eu-staging"/],
    ["aws-cli", /"Name":"eu-staging"/],
  ])("uses the name of --group in %s", async (format, pattern) => {
    expect((await exportKeys(format, "--group", "eu-staging")).stdout).toMatch(pattern);
    expect((await exportKeys(format, "--group", "a b")).exit).toBe(2);
  });

  it("refuses a key that the ring contains twice", async () => {
    const file = join(folder(), "keys.json");
    const { keys } = JSON.parse(readFileSync(ring, "utf8"));
    const twice = keys.find(({ kid }: { kid: string }) => kid === "a-b");
    writeFileSync(file, JSON.stringify({ keys: [...keys, { ...twice, kid: "again", state: "retiring" }] }));
    const run = await stagedoor("keys", "export", "--ring", file, "--format", "terraform");
    expect([run.exit, run.stderr]).toEqual([1, expect.stringContaining('"again" is in the ring under another kid')]);
  });
});

describe("the CloudFormation template", () => {
  it("has a public key per key, a key group, and a behaviour that trusts the group", async () => {
    const { Resources } = JSON.parse((await exportKeys("cloudformation")).stdout);
    const keys = Object.entries(Resources).filter(([, value]) => Object(value).Type === "AWS::CloudFront::PublicKey");
    const configs = keys.map(([, value]) => Object(value).Properties.PublicKeyConfig);
    expect(configs.map(({ EncodedKey }) => EncodedKey)).toEqual([pems.get("a.b"), pems.get("a-b")]);
    expect(configs.map((config) => Object.keys(config).sort().join())).toEqual(
      Array(2).fill("CallerReference,Comment,EncodedKey,Name"),
    );
    expect(new Set(configs.map(({ CallerReference }) => CallerReference)).size).toBe(2);
    for (const { Name } of configs) expect(Name).toMatch(/^[a-zA-Z0-9-]{1,64}$/);
    for (const id of Object.keys(Resources)) expect(id).toMatch(/^[A-Za-z0-9]{1,255}$/);
    expect(Resources.KeyGroup.Properties.KeyGroupConfig.Items).toEqual(keys.map(([Ref]) => ({ Ref })));
    const { DefaultCacheBehavior } = Resources.Distribution.Properties.DistributionConfig;
    expect(DefaultCacheBehavior).toMatchObject({
      TrustedKeyGroups: [{ Ref: "KeyGroup" }],
      ViewerProtocolPolicy: "https-only",
    });
  });
});

describe("the Terraform configuration", () => {
  it("has each PEM in a heredoc with its final line break, and refers to the keys that it creates", async () => {
    const { stdout } = await exportKeys("terraform");
    const created = [...stdout.matchAll(/^resource "aws_cloudfront_public_key" "(\w+)"[^<]*<<EOT\n([\s\S]*?)^EOT$/gm)];
    expect(created.map(([, , pem]) => pem)).toEqual([pems.get("a.b"), pems.get("a-b")]);
    const items = /^ {2}items = \[\n([^\]]*)\]/m.exec(stdout)?.[1]?.match(/[\w.]+/g);
    expect(items).toEqual(created.map(([, label]) => `aws_cloudfront_public_key.${label}.id`));
    expect(stdout).toMatch(
      /ordered_cache_behavior \{[^}]*trusted_key_groups += \[aws_cloudfront_key_group\.stagedoor\.id\]/,
    );
  });
});

describe("the script for the AWS CLI", () => {
  it("creates the keys, and a key group with the ids in the responses", async () => {
    const { stdout } = await exportKeys("aws-cli");
    expect(await runFile("/bin/bash", ["-n", "-c", stdout], place, process.env)).toMatchObject({ exit: 0, stderr: "" });
    const { run, calls } = await runScript(stdout);
    expect(run).toMatchObject({ exit: 0, stderr: "" });
    expect(calls.map((words) => words.slice(0, 2).join(" "))).toEqual([
      "cloudfront create-public-key",
      "cloudfront create-public-key",
      "cloudfront list-key-groups",
      "cloudfront create-key-group",
    ]);
    const [one = [], two = [], , group = []] = calls;
    const { keys } = await json("keys", "export", "--ring", ring, "--format", "aws-cli");
    for (const [index, words] of [one, two].entries())
      expect(valueAfter(words, "--public-key-config")).toEqual({
        CallerReference: keys[index].callerReference,
        Name: keys[index].name,
        Comment: `Stagedoor key ${keys[index].kid}`,
        EncodedKey: pems.get(keys[index].kid),
      });
    const ids = [...run.stdout.matchAll(/^(\S+) has the id (ID\d+)$/gm)];
    expect(ids.map(([, kid]) => kid)).toEqual(["a.b", "a-b"]);
    expect(valueAfter(group, "--key-group-config").Items).toEqual(ids.map(([, , id]) => id));
    const behaviour = JSON.parse(run.stdout.slice(run.stdout.indexOf("{")));
    expect(behaviour.TrustedKeyGroups).toEqual({
      Enabled: true,
      Quantity: 1,
      Items: [expect.stringMatching(/^ID\d+$/)],
    });
  });

  it("creates no key that has a CloudFront id, and updates an existing key group", async () => {
    const bound = join(folder(), "keys.json");
    writeFileSync(bound, readFileSync(ring, "utf8").replace('"a-b"', '"K2JCJMDEHXQW5F"'));
    const { stdout } = await stagedoor("keys", "export", "--ring", bound, "--format", "aws-cli", "--group", "staging");
    const { run, calls } = await runScript(stdout, "GROUP1");
    expect(run).toMatchObject({ exit: 0, stderr: "" });
    expect(calls.map(([, verb]) => verb)).toEqual([
      "create-public-key",
      "list-key-groups",
      "get-key-group",
      "update-key-group",
    ]);
    const update = calls.at(-1) ?? [];
    expect(update.slice(2, 5)).toEqual(["--id", "GROUP1", "--if-match"]);
    const config = valueAfter(update, "--key-group-config");
    expect(config).toMatchObject({ Name: "staging", Items: [expect.stringMatching(/^ID\d+$/), "K2JCJMDEHXQW5F"] });
    expect(calls[1]?.join(" ")).toContain("Name=='staging'");
  });

  it("stops at the first error, so no group is created with half of the keys", async () => {
    const { stdout } = await exportKeys("aws-cli");
    const refusing = `aws() { echo called >&2; return 1; }\n${stdout}`;
    const run = await runFile("/bin/bash", ["-c", refusing], place, process.env);
    expect(run).toMatchObject({ exit: 1, stdout: "", stderr: "called" });
  });

  it.each(["", "it's", '$(id) `id` \\ "$HOME" !!', "two\nlines'", "'';x"])(
    "quotes %j so that the shell reads it unchanged",
    async (text) => {
      const run = await runFile("/bin/bash", ["-c", `printf '<%s>' ${shellQuoted(text)}`], place, process.env);
      expect(run.stdout).toBe(`<${text}>`);
    },
  );
});
