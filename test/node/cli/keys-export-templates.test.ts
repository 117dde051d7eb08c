import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { shellQuoted } from "../../../cli/keys/export-templates.ts";
import { folder, json, runFile, secretsIn, stagedoor } from "./command-line.ts";

const place = folder();
const ring = join(place, "keys.json");
const formats = ["cloudformation", "terraform", "aws-cli"];
const pems = new Map<string, string>();
const make = (kid: string, ...more: string[]) => stagedoor("keys", "new", "--kid", kid, "--ring", ring, ...more);
const give = (format: string, ...more: string[]) =>
  stagedoor("keys", "export", "--ring", ring, "--format", format, ...more);

beforeAll(async () => {
  await make("s1", "--purpose", "session");
  await make("a.b", "--purpose", "cloudfront", "--type", "rsa");
  await make("a-b", "--purpose", "cloudfront", "--type", "ec");
  await make("gone", "--purpose", "cloudfront", "--type", "ec", "--exp", "1830000000");
  const document = JSON.parse(readFileSync(ring, "utf8"));
  for (const key of document.keys) if (key.kid === "gone") key.exp = 1_700_000_000;
  writeFileSync(ring, JSON.stringify(document));
  for (const kid of ["a.b", "a-b", "gone"]) pems.set(kid, `${(await give("pem", "--kid", kid)).stdout}\n`);
});

/** Runs the script with an `aws` that keeps what it is called with and answers with an id. */
async function runScript(script: string, group = "None") {
  const calls = join(folder(), "calls");
  const aws = join(place, "aws");
  writeFileSync(
    aws,
    `#!/bin/sh\nprintf '%s\\0' "$@" >> ${calls}\nprintf '\\n' >> ${calls}\n[ $2 = list-key-groups ] && echo ${group} || echo "ID$$"\n`,
  );
  // A function, so that the script never finds an installed aws.
  const ran = await runFile("/bin/bash", ["-c", `aws() { /bin/sh ${aws} "$@"; }\n${script}`], place, process.env);
  const words = readFileSync(calls, "utf8").split("\0\n").filter(Boolean);
  return { ran, calls: words.map((call) => call.split("\0")) };
}

const valueAfter = (words: readonly string[], option: string) => JSON.parse(words[words.indexOf(option) + 1] ?? "");

describe.each(formats)("keys export --format %s", (format) => {
  it("holds no part of a private key, and no key that has ended", async () => {
    const { exit, stdout, stderr } = await give(format);
    expect(exit).toBe(0);
    expect(secretsIn(ring).length).toBeGreaterThan(7);
    for (const secret of secretsIn(ring)) expect(stdout + stderr).not.toContain(secret);
    expect(stdout).not.toMatch(/PRIVATE|gone/);
    expect(stdout).not.toContain(pems.get("gone")?.split("\n")[2]);
  });

  it("gives the same text again, and says on standard error what comes next", async () => {
    const [one, two] = [await give(format), await give(format)];
    expect(one).toEqual(two);
    expect(one.stderr).toContain("npx stagedoor keys bind");
    expect(one.stdout).not.toContain("Next:");
  });

  it("names a key the same once its kid is the id that CloudFront gave it, or it would be made twice", async () => {
    const bound = join(folder(), "keys.json");
    writeFileSync(bound, readFileSync(ring, "utf8").replace('"a-b"', '"K2JCJMDEHXQW5F"'));
    const names = async (file: string) => {
      const { keys, text } = await json("keys", "export", "--ring", file, "--format", format);
      expect(keys).toHaveLength(2);
      for (const { name } of keys) expect(text).toContain(name);
      return keys.map(({ kid: _, comment: __, known: ___, ...rest }: Record<string, string>) => rest);
    };
    expect(await names(bound)).toEqual(await names(ring));
    expect((await give(format)).stdout).not.toMatch(/(CallerReference|[Nn]ame)"? *[:=] *"[^"]*a[.-]b/);
  });

  it("limits itself to the kid it is given, and warns that the group is then smaller", async () => {
    const { stdout, stderr } = await give(format, "--kid", "a-b");
    expect(stdout).toContain("Stagedoor key a-b");
    expect(stdout).not.toContain("a.b");
    expect(stderr).toContain("The key group contains only the keys named here");
  });

  it.each([
    ["gone", 'The key "gone" is retired or has expired: CloudFront does not need it.'],
    ["s1", 'The key "s1" is for session: name cloudfront keys.'],
  ])("refuses %s where it is named", async (kid, message) => {
    const { exit, stdout, stderr } = await give(format, "--kid", kid);
    expect([exit, stdout, stderr]).toEqual([1, "", message]);
  });
});

describe("keys export of a key that CloudFront had before", () => {
  const known = join(folder(), "keys.json");
  const mark = (how: string) => {
    const { keys } = JSON.parse(readFileSync(ring, "utf8"));
    const marked = keys.map((key: { kid: string }) =>
      key.kid === "a-b" ? { ...key, kid: "K2JCJMDEHXQW5F", cloudfront: how } : key,
    );
    writeFileSync(known, JSON.stringify({ keys: marked }));
  };
  const text = async (format: string) =>
    (await stagedoor("keys", "export", "--ring", known, "--format", format)).stdout;

  it("puts it into the key group by its id and makes none of it, which CloudFront would refuse", async () => {
    mark("imported");
    const { Resources } = JSON.parse(await text("cloudformation"));
    const made = Object.keys(Resources).filter((name) => Resources[name].Type === "AWS::CloudFront::PublicKey");
    expect(Resources.KeyGroup.Properties.KeyGroupConfig.Items).toEqual([{ Ref: made[0] }, "K2JCJMDEHXQW5F"]);
    expect(made).toHaveLength(1);
    const terraform = await text("terraform");
    expect(terraform.match(/^resource "aws_cloudfront_public_key"/gm)).toHaveLength(1);
    expect(terraform).toMatch(/items = \[\n {4}aws_cloudfront_public_key\.\w+\.id,\n {4}"K2JCJMDEHXQW5F",\n/);
    expect(terraform).toMatch(/"K2JCJMDEHXQW5F" += "K2JCJMDEHXQW5F",/);
  });

  it("goes on holding one that was made from here and then bound, or its stack would delete it", async () => {
    mark("bound");
    const { Resources } = JSON.parse(await text("cloudformation"));
    const unbound = JSON.parse((await give("cloudformation")).stdout).Resources;
    expect(Object.keys(Resources)).toEqual(Object.keys(unbound));
    expect(Resources.KeyGroup).toEqual(unbound.KeyGroup);
    expect((await text("terraform")).match(/^resource "aws_cloudfront_public_key"/gm)).toHaveLength(2);
  });
});

describe("keys export of a ring for one of several environments", () => {
  it.each([
    ["cloudformation", /"Name": \{\s*"Fn::Sub": "eu-staging-/],
    ["terraform", /resource "aws_cloudfront_key_group" "eu_staging" \{\n {2}name {4}= "eu-staging"/],
    ["aws-cli", /"Name":"eu-staging"/],
  ])("names the key group in %s", async (format, named) => {
    expect((await give(format, "--group", "eu-staging")).stdout).toMatch(named);
    expect((await give(format, "--group", "a b")).exit).toBe(2);
  });

  it("refuses a key that is in the ring twice", async () => {
    const file = join(folder(), "keys.json");
    const { keys } = JSON.parse(readFileSync(ring, "utf8"));
    const twice = keys.find(({ kid }: { kid: string }) => kid === "a-b");
    writeFileSync(file, JSON.stringify({ keys: [...keys, { ...twice, kid: "again", state: "retiring" }] }));
    const ran = await stagedoor("keys", "export", "--ring", file, "--format", "terraform");
    expect([ran.exit, ran.stderr]).toEqual([1, expect.stringContaining('"again" is in the ring under another kid')]);
  });
});

describe("the CloudFormation template", () => {
  it("has a public key each, a group of them, and a behaviour that trusts the group", async () => {
    const { Resources } = JSON.parse((await give("cloudformation")).stdout);
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
  it("has each PEM in a heredoc with the line break at its end, and refers to the keys it makes", async () => {
    const { stdout } = await give("terraform");
    const made = [...stdout.matchAll(/^resource "aws_cloudfront_public_key" "(\w+)"[^<]*<<EOT\n([\s\S]*?)^EOT$/gm)];
    expect(made.map(([, , pem]) => pem)).toEqual([pems.get("a.b"), pems.get("a-b")]);
    const items = /^ {2}items = \[\n([^\]]*)\]/m.exec(stdout)?.[1]?.match(/[\w.]+/g);
    expect(items).toEqual(made.map(([, label]) => `aws_cloudfront_public_key.${label}.id`));
    expect(stdout).toMatch(
      /ordered_cache_behavior \{[^}]*trusted_key_groups += \[aws_cloudfront_key_group\.stagedoor\.id\]/,
    );
  });
});

describe("the script for the AWS command line", () => {
  it("gives aws the keys, and the group the ids that it answered with", async () => {
    const { stdout } = await give("aws-cli");
    expect(await runFile("/bin/bash", ["-n", "-c", stdout], place, process.env)).toMatchObject({ exit: 0, stderr: "" });
    const { ran, calls } = await runScript(stdout);
    expect(ran).toMatchObject({ exit: 0, stderr: "" });
    expect(calls.map((words) => words.slice(0, 2).join(" "))).toEqual([
      "cloudfront create-public-key",
      "cloudfront create-public-key",
      "cloudfront list-key-groups",
      "cloudfront create-key-group",
    ]);
    const [one = [], two = [], , group = []] = calls;
    const { keys } = await json("keys", "export", "--ring", ring, "--format", "aws-cli");
    for (const [place, words] of [one, two].entries())
      expect(valueAfter(words, "--public-key-config")).toEqual({
        CallerReference: keys[place].callerReference,
        Name: keys[place].name,
        Comment: `Stagedoor key ${keys[place].kid}`,
        EncodedKey: pems.get(keys[place].kid),
      });
    const ids = [...ran.stdout.matchAll(/^(\S+) has the id (ID\d+)$/gm)];
    expect(ids.map(([, kid]) => kid)).toEqual(["a.b", "a-b"]);
    expect(valueAfter(group, "--key-group-config").Items).toEqual(ids.map(([, , id]) => id));
    const behaviour = JSON.parse(ran.stdout.slice(ran.stdout.indexOf("{")));
    expect(behaviour.TrustedKeyGroups).toEqual({
      Enabled: true,
      Quantity: 1,
      Items: [expect.stringMatching(/^ID\d+$/)],
    });
  });

  it("makes no key again that has its id, and brings the group up to date that is there", async () => {
    const bound = join(folder(), "keys.json");
    writeFileSync(bound, readFileSync(ring, "utf8").replace('"a-b"', '"K2JCJMDEHXQW5F"'));
    const { stdout } = await stagedoor("keys", "export", "--ring", bound, "--format", "aws-cli", "--group", "staging");
    const { ran, calls } = await runScript(stdout, "GROUP1");
    expect(ran).toMatchObject({ exit: 0, stderr: "" });
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

  it("stops at the first refusal, so that no group is made of half the keys", async () => {
    const { stdout } = await give("aws-cli");
    const refusing = `aws() { echo called >&2; return 1; }\n${stdout}`;
    const ran = await runFile("/bin/bash", ["-c", refusing], place, process.env);
    expect(ran).toMatchObject({ exit: 1, stdout: "", stderr: "called" });
  });

  it.each(["", "it's", '$(id) `id` \\ "$HOME" !!', "two\nlines'", "'';x"])(
    "quotes %j so that it comes back",
    async (text) => {
      const ran = await runFile("/bin/bash", ["-c", `printf '<%s>' ${shellQuoted(text)}`], place, process.env);
      expect(ran.stdout).toBe(`<${text}>`);
    },
  );
});
