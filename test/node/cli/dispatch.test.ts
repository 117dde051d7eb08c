import { describe, expect, it } from "vitest";
import { dispatch } from "../../../cli/dispatch.ts";

const commands = [
  "token",
  "keys new",
  "keys import",
  "keys bind",
  "keys list",
  "keys export",
  "keys for",
  "assets list",
  "assets add",
  "assets remove",
  "assets check",
  "issuers add",
  "issuers list",
  "issuers check",
  "sign",
  "explain",
  "revoke",
  "sessions",
  "refusals",
  "viewer",
  "status",
  "operator new",
  "doctor",
  "completion",
];

async function textOf(...words: readonly string[]): Promise<string> {
  const outcome = await dispatch(words);
  if (outcome.exit !== 0) throw new Error(`exit code ${outcome.exit}`);
  return outcome.text;
}

describe("help", () => {
  it.each([[[]], [["--help"]], [["-h"]], [["help"]]])("lists the commands for %j", async (words) => {
    const text = await textOf(...words);
    for (const command of commands) expect(text).toMatch(new RegExp(`^ {2}${command}\\b.* {2}\\w`, "m"));
  });

  it.each([[["keys", "--help"]], [["keys", "-h"]], [["help", "keys"]]])(
    "lists only the commands of a group for %j",
    async (words) => {
      const text = await textOf(...words);
      for (const command of commands.filter((name) => name.startsWith("keys ")))
        expect(text).toMatch(new RegExp(`^ {2}${command}\\b.* {2}\\w`, "m"));
      expect(text).not.toContain("assets list");
    },
  );

  it("of a command is printed for `help` and its name too", async () => {
    expect(await textOf("help", "keys", "new")).toBe(await textOf("keys", "new", "--help"));
  });

  it.each(commands)("of %s is printed even if arguments are missing", async (command) => {
    const text = await textOf(...command.split(" "), "--help");
    expect(text).toMatch(new RegExp(`^npx stagedoor ${command}\\b`));
    expect(text).toMatch(/^ {2}--json /m);
  });
});

describe("a wrong command line", () => {
  it.each([
    ["frobnicate", 'There is no command "frobnicate"'],
    ["keys", "npx stagedoor keys new"],
    ["keys frobnicate", "npx stagedoor keys new"],
    ["kyes", "Did you mean `npx stagedoor keys`?"],
    ["kyes lst", "Did you mean `npx stagedoor keys list`?"],
    ["keys nwe", "Did you mean `npx stagedoor keys new`?"],
    ["session", "Did you mean `npx stagedoor sessions`?"],
    ["token --subejct a", "Did you mean --subject?"],
    ["completion tcsh", '<shell> must be bash, zsh or fish, not "tcsh"'],
    ["sign", "<path> is missing"],
    ["explain", "<url> is missing"],
    ["explain a b", "in quotes"],
    ["explain nonsense", "must be a whole URL"],
    ["explain /x --renewal maybe", "--renewal must be"],
    ["explain /x --media-url localhost", "--media-url must be"],
    ["explain /x --now soon", "--now must be a time"],
    ["sign http://localhost/vod-ts/0.ts", "must be only a path"],
    ["sign /vod-ts/0.ts --purpose film", "--purpose must be"],
    ["token --frobnicate", "Unknown option '--frobnicate'"],
    ["token --subject", "--subject"],
    ["token --subject a --subject b", "--subject is given twice"],
    ["token --json=1", "--json"],
    ["token --expires-in -1", "--expires-in"],
    ["token --expires-in soon", "--expires-in must be"],
    ["token --expires-in 0", "--expires-in must be"],
    ["token --assets ../x", "--assets must be"],
    ["assets list more", "accepts only options"],
    [
      "assets list --api https://api.example.com --catalog c.json",
      "Give only one of --api (the deployed catalog) and --catalog",
    ],
    ["assets add", "<id> is missing"],
    ["assets add film --catalog c.json", "--origin <r2:BINDING/prefix/"],
    ["assets add film --origin r2:MEDIA/film/", "Name a catalog: --api"],
    ["assets add film --origin r2:MEDIA/film/ --api https://api.example.com", "--bearer is missing"],
    ["assets add film --origin ftp://x/ --catalog c.json", "--origin must be"],
    ["assets add film --origin r2:MEDIA --catalog c.json", "--origin must be"],
    ["assets add film --origin r2:MEDIA/film/ --session 1h --catalog c.json", "--session must be"],
    ["assets add film --json-file a.json --entry index.m3u8 --catalog c.json", "put --entry there"],
    ["assets add film --json-file - --bearer - --api https://api.example.com", "Only one of --json-file and --bearer"],
    ["assets remove film", "Name a catalog: --api"],
    ["keys new", "--purpose session, cloudfront-session, cloudfront, operator or backend"],
    [
      "keys new --purpose sesion",
      '--purpose must be session, cloudfront-session, cloudfront, operator or backend, not "sesion"',
    ],
    ["keys new --purpose cloudfront", "--type rsa"],
    [
      "keys new --purpose cloudfront --type RSA",
      '--type must be rsa (2048 bits) or ec (P-256, 15 times faster), not "RSA"',
    ],
    ["keys new --cdn akamai", '--cdn must be cloudfront, not "akamai"'],
    ["keys new --cdn cloudfront --purpose session", 'omit --purpose "session"'],
    ["keys new --purpose session --exp 2020-01-01T00:00:00Z", 'not "2020-01-01T00:00:00Z"'],
    [
      "keys new --purpose session --kid dev-a --ring keys.json",
      'must not begin with dev- in keys.json, and is "dev-a"',
    ],
    ["keys import --purpose session", '--purpose must be cloudfront, not "session"'],
    ["keys import --purpose cloudfront --in k.pem --kid dev-a --ring keys.json", "must not begin with dev-"],
    ["keys export --group a", "--group is for --format cloudformation, terraform or aws-cli, not jwks"],
    ["keys for identity", "The identity worker has no part of the key ring: name api, manifest or edge."],
    ["keys for egde", '<worker> must be api, manifest or edge, not "egde"'],
    ["revoke --asset film --until 2020-01-01T00:00:00Z", "--until must be later than now ("],
    ["doctor --env prod", '--env must be staging or production, not "prod": npx stagedoor doctor --env production.'],
    ["doctor --env elsewhere", "npx stagedoor doctor --env <environment>"],
    ["keys new --purpose session --type ec", "--type is for --purpose cloudfront"],
    ["keys new --purpose session --kid a/b", "--kid must be"],
    ["keys new --purpose session --nbf soon", "--nbf must be a time"],
    ["keys new --purpose session --nbf 20 --exp 10", "1970-01-01T00:00:10Z is not later than 1970-01-01T00:00:20Z"],
    ["keys new --purpose operator --type ec", "--type is for --purpose cloudfront"],
    ["keys import --in k.pem --kid a", "--purpose must be cloudfront"],
    ["keys import --purpose cloudfront --kid a", "--in <file>"],
    ["keys import --purpose cloudfront --in k.pem", "--kid <id>"],
    ["keys import --purpose cloudfront --in k.pem --kid a/b", "--kid must be"],
    ["keys import --purpose cloudfront --in k.pem --kid a --passphrase hunter2", "Unknown option '--passphrase'"],
    ["keys import --purpose cloudfront --in - --kid a --passphrase-file -", "Only one of --in and --passphrase-file"],
    ["keys import --purpose cloudfront --in k.pem --kid a --nbf 20 --exp 10", "--exp must be later than --nbf"],
    ["keys bind --id K2JCJMDEHXQW5F", "--kid <kid>"],
    ["keys bind --kid new", "--id <id>"],
    ["keys bind --kid new --id 9e8d3f4c-0000-4000-8000-123456789abc", "Key group ids and ARNs are not accepted"],
    ["keys export --format der", "--format must be"],
    ["keys export --purpose film", "--purpose must be"],
    ["operator", "npx stagedoor operator new"],
    ["operator new", "--name <name>"],
    ["operator new --name a/b", "--name must be"],
    ["operator new --name ann --scope stream:play", "--scope must be"],
    ["operator new --name ann --scope operator:read --scope operator:rea", "--scope must be"],
    ["operator new --name ann --days 367", "--days must be"],
    ["operator new --name ann --days 0", "--days must be"],
    ["revoke", "Give exactly one of --session"],
    ["revoke --session a --asset b", "Give exactly one of --session"],
    ["revoke --subject ann", "--subject needs --issuer"],
    ["revoke --login s-1", "--login needs --issuer"],
    ["revoke --token eyJhbGciOiJFUzI1NiJ9.eyJqdGkiOiJ0LTEifQ.c2lnbmF0dXJl", "can be read by others"],
    ["revoke --token - --bearer -", "Only one of --token and --bearer"],
    ["revoke --asset film --api https://api.example.com", "--bearer is missing"],
    ["revoke --session abc", '--session must be a session\'s id, 22 characters of A-Z a-z 0-9 - _, not "abc"'],
    ["sessions --session abc", "--session must be a session's id"],
    ["sessions --limit 0", '--limit must be a whole number from 1 to 500, not "0"'],
    ["sessions --api localhost:8787", 'not "localhost:8787". Did you mean --api http://localhost:8787?'],
    ["doctor --api localhost:8787", "Did you mean --api http://localhost:8787?"],
    ["doctor --media media.example.com/", "Did you mean --media https://media.example.com?"],
    ["sessions --api https://ann:MARKED@api.example.com", "not a URL with a user name or a query."],
    ["sessions --api api.example.com/", "Did you mean --api https://api.example.com?"],
    ["explain http://localhost:8787/stream/start", "<url> is an address of the API"],
    ["explain https://api.example.com/v1/operator/sessions?limit=1", "<url> is an address of the API"],
    ["explain /console/sessions", "give the manifestUrl of a start"],
    ["sessions --api https://api.example.com", "with the scope operator:read"],
    ["refusals --api https://api.example.com/", "without a slash at its end"],
  ])("exits with 2 and explains the mistake: %s", async (line, message) => {
    expect(await dispatch(line.split(" "))).toEqual({ exit: 2, message: expect.stringContaining(message) });
  });
});

describe("suggestions", () => {
  it.each(["frobnicate", "keys frobnicate", "xx"])("are not made for %s, which resembles no command", async (line) => {
    expect(await dispatch(line.split(" "))).toMatchObject({ message: expect.not.stringContaining("Did you mean") });
  });

  it.each(["", "token ", "keys "])("quote no token that was put after '%s'", async (before) => {
    const token = "eyJhbGciOiJFUzI1NiJ9.eyJqdGkiOiJ0LTEifQ.c2lnbmF0dXJl";
    expect(await dispatch(`${before}${token}`.split(" "))).toEqual({
      exit: 2,
      message: expect.not.stringContaining(token),
    });
  });
});

describe("stagedoor sign", () => {
  it("says where a path with --asset begins if that names the asset again", async () => {
    const outcome = await dispatch(["sign", "/vod-ts/0.ts", "--asset", "vod-ts"]);
    expect(outcome).toMatchObject({ exit: 0, note: expect.stringContaining("if you mean /vod-ts/0.ts.") });
    expect(await dispatch(["sign", "/0.ts", "--asset", "vod-ts"])).toMatchObject({ exit: 0, note: undefined });
  });

  it.each([
    [["--subject", ""], "--subject must not be empty"],
    [["--media-url", "media.example.com"], 'such as https://media.example.com, not "media.example.com"'],
    [["--media-url", "http://localhost:8788/"], "such as http://localhost:8788, not"],
  ])("exits with 2 for %j", async (words, message) => {
    const outcome = await dispatch(["sign", "/vod-ts/0.ts", ...words]);
    expect(outcome).toEqual({ exit: 2, message: expect.stringContaining(message) });
  });

  it("says how to make a ring if there is none in the file", async () => {
    const outcome = await dispatch(["sign", "/vod-ts/0.ts", "--ring", "no-such.json"]);
    const next = "npx stagedoor keys new --purpose session --ring no-such.json";
    expect(outcome).toMatchObject({ exit: 1, note: expect.stringContaining(next) });
  });

  it.each([
    ["/vod-ts/../x", "it contains a dot segment"],
    ["/vod-ts/a%5Cb", "decoded, it contains a backslash"],
    ["/vod-ts/a%", "it contains characters that no client sends unescaped"],
    ["/no-such/0.ts", "no asset for this path"],
    ["/VOD-TS/0.ts", 'it begins with "VOD-TS", and a path is /<asset id>/<file>. Did you mean vod-ts?'],
    ["/vod-ts/", "Name a file of the asset, such as /vod-ts/index.m3u8"],
    ["/vod-ts", "Name a file of the asset, such as /vod-ts/index.m3u8"],
  ])("refuses the path %s, which cannot be signed", async (path, message) => {
    expect(await dispatch(["sign", path])).toMatchObject({ exit: 1, note: expect.stringContaining(message) });
  });
});

describe("a token in place of another value", () => {
  const part = "MARKEDPART";
  const jwt = `eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ${part}.${part.repeat(8)}`;
  const opaque = `${part.repeat(7)}+`;

  it.each([
    ["refusals", "--api", "https://api.example", "--bearer"],
    ["keys", "list", "--ring"],
    ["assets", "check", "--catalog"],
    ["doctor", "--api"],
    ["sessions", "--api"],
    ["issuers", "add", "--discovery"],
    ["backend", "new", "--name"],
    ["operator", "new", "--name"],
    ["keys", "new", "--purpose"],
    ["dev", "--port"],
    ["init", "--domain"],
    ["sign"],
    ["assets", "list"],
  ])("is not repeated: %s %s", async (...words) => {
    for (const token of [jwt, opaque, `Bearer ${jwt}`]) {
      const outcome = await dispatch([...words, token]);
      expect(outcome.exit).not.toBe(0);
      expect(JSON.stringify(outcome)).not.toContain(part);
    }
  });

  it("does not hide the name of a file or host that is long", async () => {
    const file = `no-such-folder/of-a-deployment-with-a-long-name/${"a".repeat(40)}.json`;
    expect(await dispatch(["keys", "list", "--ring", file])).toMatchObject({ note: expect.stringContaining(file) });
    const host = `api.${"a".repeat(40)}.example.com`;
    expect(await dispatch(["sessions", "--api", host])).toMatchObject({
      message: expect.stringContaining(`Did you mean --api https://${host}?`),
    });
  });
});
