import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { dispatch } from "../../../cli/dispatch.ts";
import { folder, projectFolder, runFile, secretsIn, stagedoor } from "./command-line.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const words = "correct horse battery staple";
const id = "K2JCJMDEHXQW5F";

type Form = "pkcs1" | "pkcs8" | "sec1";
const plain = (key: KeyObject, type: Form) => key.export({ type, format: "pem" }).toString();
const locked = (key: KeyObject, type: Form) =>
  key.export({ type, format: "pem", cipher: "aes-256-cbc", passphrase: words }).toString();
const pub = (key: KeyObject) => key.export({ type: "spki", format: "pem" }).toString();
const jwkOf = (key: KeyObject) => key.export({ format: "jwk" });
const keysOf = (file: string): { kid: string }[] => Object(JSON.parse(readFileSync(file, "utf8"))).keys;

let place = "";
let ring = "";
let passphraseFile = "";
beforeEach(() => {
  place = folder();
  ring = join(place, "keys.json");
  passphraseFile = write("passphrase", `${words}\n`);
});

function write(name: string, text: string): string {
  const file = join(place, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

/** Runs the command in this process, and returns its exit code, its note and its whole output. */
async function run(...line: readonly string[]) {
  const outcome = await dispatch(line);
  const note = outcome.exit === 2 ? outcome.message : (outcome.note ?? "");
  return { exit: outcome.exit, note, printed: JSON.stringify(outcome) };
}

function importing(text: string, ...more: readonly string[]) {
  const line = ["--purpose", "cloudfront", "--in", write("key.pem", text), "--kid", "new", "--ring", ring, ...more];
  return run("keys", "import", ...line);
}

describe("keys import", () => {
  const ecParameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  it.each([
    ["RSA, PKCS#1", plain(rsa.privateKey, "pkcs1"), rsa.privateKey],
    ["RSA, PKCS#8", plain(rsa.privateKey, "pkcs8"), rsa.privateKey],
    ["RSA, encrypted PKCS#8", locked(rsa.privateKey, "pkcs8"), rsa.privateKey],
    ["RSA, legacy encrypted", locked(rsa.privateKey, "pkcs1"), rsa.privateKey],
    ["RSA, public", pub(rsa.publicKey), rsa.publicKey],
    ["P-256, SEC1", plain(ec.privateKey, "sec1"), ec.privateKey],
    ["P-256, SEC1 after its parameters", ecParameters + plain(ec.privateKey, "sec1"), ec.privateKey],
    ["P-256, PKCS#8", plain(ec.privateKey, "pkcs8"), ec.privateKey],
    ["P-256, encrypted PKCS#8", locked(ec.privateKey, "pkcs8"), ec.privateKey],
    ["P-256, legacy encrypted", locked(ec.privateKey, "sec1"), ec.privateKey],
    ["P-256, public", pub(ec.publicKey), ec.publicKey],
    ["P-256 after a byte order mark", `\uFEFF${plain(ec.privateKey, "pkcs8")}`, ec.privateKey],
    [
      "P-256 with text around it and CRLF",
      `Key of ann\r\n${plain(ec.privateKey, "pkcs8").replaceAll("\n", "\r\n")}`,
      ec.privateKey,
    ],
  ])("accepts %s", async (_, text, key) => {
    const more = text.includes("ENCRYPTED") ? ["--passphrase-file", passphraseFile] : [];
    expect(await importing(text, ...more)).toMatchObject({ exit: 0, note: "" });
    const alg = key.asymmetricKeyType === "rsa" ? "RS256" : "ES256";
    const life = { state: key.type === "public" ? "next" : "active", since: expect.any(Number) };
    expect(keysOf(ring)).toEqual([{ kid: "new", purpose: "cloudfront", alg, ...jwkOf(key), ...life }]);
    expect(statSync(ring).mode & 0o777).toBe(0o600);
  });

  it("reads standard input in a separate process, and prints neither the key nor the passphrase", async () => {
    const file = write("key.pem", locked(rsa.privateKey, "pkcs8"));
    const node = join(projectFolder, "node_modules/.bin/node");
    const line = `'${node}' cli/stagedoor.ts keys import --purpose cloudfront --in - --kid ${id} --ring '${ring}' --passphrase-file '${passphraseFile}' < '${file}'`;
    const run = await runFile("/bin/sh", ["-c", line], projectFolder, process.env);
    expect(run).toMatchObject({ exit: 0, stderr: "" });
    expect(run.stdout).toContain("npm run deploy -- --env production");
    expect(secretsIn(ring)).toHaveLength(6);
    for (const secret of [...secretsIn(ring), words]) expect(run.stdout).not.toContain(secret);
  });

  it("stores --nbf and --exp, and keys export reads the key", async () => {
    await importing(plain(rsa.privateKey, "pkcs1"), "--nbf", "1795000000", "--exp", "1830000000");
    expect(keysOf(ring)).toMatchObject([{ nbf: 1_795_000_000, exp: 1_830_000_000 }]);
    const { stdout } = await stagedoor("keys", "export", "--ring", ring, "--format", "pem");
    expect(createPublicKey(stdout).equals(rsa.publicKey)).toBe(true);
  });
});

describe("keys import of an unusable key or file", () => {
  const ed = generateKeyPairSync("ed25519").privateKey;
  const sec1 = plain(ec.privateKey, "sec1");
  const body = (text: string) => text.split("\n").slice(1, -2).join("\n");
  const as = (label: string) => `-----BEGIN ${label}-----\n${body(sec1)}\n-----END ${label}-----\n`;
  const other = jwkOf(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
  const swapped = sec1.replace(body(sec1), swap(body(sec1), jwkOf(ec.privateKey).d ?? "", other.d ?? ""));
  const size = (modulusLength: number) => plain(generateKeyPairSync("rsa", { modulusLength }).privateKey, "pkcs8");
  const curve = (namedCurve: string) => plain(generateKeyPairSync("ec", { namedCurve }).privateKey, "pkcs8");

  it.each([
    ["not PEM", "hello", "openssl pkey -inform DER"],
    ["an empty file", "", "is empty"],
    ["PEM in one line", sec1.replaceAll("\n", " "), "in one line"],
    ["PEM with \\n for its line breaks", sec1.replaceAll("\n", "\\n"), "in one line"],
    ["a BEGIN line with something before it", `key: ${sec1}`, "before its BEGIN line"],
    ["a key without an END line", sec1.replace(/-----END.*/, ""), "incomplete PEM"],
    ["a damaged key", sec1.replace(/\n\w{12}/, "\nAAAAAAAAAAAA"), "damaged"],
    ["a damaged public key", pub(ec.publicKey).replace(/\n\w{12}/, "\nAAAAAAAAAAAA"), "damaged"],
    ["several keys", sec1 + plain(rsa.privateKey, "pkcs1"), "2 blocks (EC PRIVATE KEY, RSA PRIVATE KEY)"],
    ["a key with its certificate", sec1 + as("CERTIFICATE"), "2 blocks (EC PRIVATE KEY, CERTIFICATE)"],
    ["RSA that is too long", size(3072), "has 3072 bits, and CloudFront accepts only 2048"],
    ["RSA that is too short", size(1024), "has 1024 bits"],
    ["P-384", curve("P-384"), "is on secp384r1, and CloudFront accepts only P-256"],
    ["secp256k1", curve("secp256k1"), "is on secp256k1"],
    ["Ed25519", plain(ed, "pkcs8"), "is Ed25519"],
    ["RSA-PSS", plain(generateKeyPairSync("rsa-pss", { modulusLength: 2048 }).privateKey, "pkcs8"), "is rsa-pss"],
    ["PKCS#8 without its passphrase", locked(ec.privateKey, "pkcs8"), "--passphrase-file"],
    ["legacy PEM without its passphrase", locked(ec.privateKey, "sec1"), "is encrypted"],
    ["a certificate", as("CERTIFICATE"), "openssl x509 -pubkey"],
    ["a request for a certificate", as("CERTIFICATE REQUEST"), "contains a CERTIFICATE REQUEST"],
    ["a private key of OpenSSH", as("OPENSSH PRIVATE KEY"), "ssh-keygen -p -m PKCS8"],
    ["a public key of OpenSSH", "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ ann@host", "ssh-keygen -e -m PKCS8"],
    ["halves of two pairs", swapped, "do not match"],
  ])("refuses %s with advice, quotes nothing, and leaves the ring unchanged", async (_, text, message) => {
    const { exit, note, printed } = await importing(text);
    expect([exit, note]).toEqual([1, expect.stringContaining(message)]);
    for (const line of text.split("\n").filter((part) => part.length > 20 && !part.startsWith("--")))
      expect(printed).not.toContain(line);
    expect(existsSync(ring)).toBe(false);
  });

  it.each([
    ["PKCS#8", locked(rsa.privateKey, "pkcs8")],
    ["legacy PEM", locked(rsa.privateKey, "pkcs1")],
  ])("refuses a wrong passphrase of %s, and an empty one", async (_, text) => {
    const wrong = await importing(text, "--passphrase-file", write("wrong", "wrong horse\n"));
    expect([wrong.exit, wrong.note]).toEqual([1, expect.stringContaining("the passphrase is wrong")]);
    expect(wrong.printed).not.toContain("wrong horse");
    const empty = await importing(text, "--passphrase-file", write("wrong", "\n"));
    expect([empty.exit, empty.note]).toEqual([1, expect.stringContaining("The passphrase is empty")]);
  });

  it("refuses a file that does not exist", async () => {
    const line = ["--purpose", "cloudfront", "--in", join(place, "none.pem"), "--kid", "new", "--ring", ring];
    expect((await run("keys", "import", ...line)).note).toContain("there is no such file");
  });

  it("refuses a kid that the ring has", async () => {
    await importing(plain(ec.privateKey, "pkcs8"));
    const before = readFileSync(ring, "utf8");
    const again = await importing(plain(rsa.privateKey, "pkcs8"));
    expect([again.exit, again.note]).toEqual([1, expect.stringContaining('the kid "new" already')]);
    expect(readFileSync(ring, "utf8")).toBe(before);
  });

  it("warns of a private key or a passphrase that others can read, but not of a public key", async () => {
    const importWithMode = async (name: string, text: string, kid: string, ...more: string[]) => {
      const file = write(name, text);
      chmodSync(file, 0o640);
      const line = ["--purpose", "cloudfront", "--in", file, "--kid", kid, "--ring", ring, ...more];
      return await run("keys", "import", ...line);
    };
    expect(await importWithMode("b.pem", pub(ec.publicKey), "b")).toMatchObject({ exit: 0, note: "" });
    expect(await importWithMode("a.pem", sec1, "b")).toMatchObject({
      exit: 0,
      note: expect.stringContaining("private key in"),
    });
    ring = join(place, "c.json");
    chmodSync(passphraseFile, 0o604);
    const c = await importWithMode("c.pem", locked(ec.privateKey, "sec1"), "c", "--passphrase-file", passphraseFile);
    expect(c).toMatchObject({ exit: 0, note: expect.stringContaining("read the passphrase in") });
    ring = join(place, "d.json");
    const d = await importing(sec1, "--passphrase-file", passphraseFile);
    expect(d).toMatchObject({ exit: 0, note: expect.stringContaining("is not encrypted") });
  });
});

describe("keys import of a key that the ring has", () => {
  const whole = plain(ec.privateKey, "pkcs8");

  it("adds the private half to a public key, which keeps its state next to an active key", async () => {
    await run("keys", "new", "--purpose", "cloudfront", "--type", "rsa", "--kid", "first", "--ring", ring);
    await importing(pub(ec.publicKey));
    const before = keysOf(ring);
    expect(await importing(whole)).toMatchObject({ exit: 0, note: "" });
    expect(keysOf(ring)).toEqual([before[0], { ...before[1], d: jwkOf(ec.privateKey).d }]);
  });

  it("activates a key that gets its private half if no other key signs", async () => {
    await importing(pub(ec.publicKey));
    expect(keysOf(ring)).toMatchObject([{ state: "next" }]);
    expect(await importing(pub(rsa.publicKey), "--nbf", "now")).toMatchObject({ exit: 2 });
    expect(await importing(whole)).toMatchObject({ exit: 0, note: "" });
    expect(keysOf(ring)).toMatchObject([{ state: "active", d: jwkOf(ec.privateKey).d }]);
    expect((await importing(whole)).note).toContain("there is nothing to do");
    expect((await importing(pub(ec.publicKey))).note).toContain("there is nothing to do");
  });

  it("refuses the key under another kid, and changes nothing", async () => {
    await importing(pub(ec.publicKey));
    const before = readFileSync(ring, "utf8");
    const line = ["--cdn", "cloudfront", "--in", write("again.pem", whole), "--kid", "other", "--ring", ring];
    expect(await run("keys", "import", ...line)).toMatchObject({ exit: 1, note: expect.stringContaining('as "new"') });
    expect(readFileSync(ring, "utf8")).toBe(before);
  });
});

describe("keys import under a CloudFront id", () => {
  const as = (kid: string, text: string) => {
    const line = ["--purpose", "cloudfront", "--in", write("key.pem", text), "--kid", kid, "--ring", ring];
    return run("keys", "import", ...line);
  };

  it("records in the file that CloudFront had the key, and mentions the key group if there are other keys", async () => {
    await run("keys", "new", "--purpose", "session", "--kid", "s1", "--ring", ring);
    expect((await as(id, plain(ec.privateKey, "pkcs8"))).printed).not.toContain("key group");
    expect((await as("KEVSJ4EXAMPLE", plain(rsa.privateKey, "pkcs8"))).printed).toContain(
      "key group contains KEVSJ4EXAMPLE",
    );
    expect(keysOf(ring).slice(1)).toMatchObject([{ cloudfront: "imported" }, { cloudfront: "imported" }]);
    for (const worker of ["api", "manifest", "edge"]) {
      const { printed } = await run("keys", "for", worker, "--ring", ring);
      expect(printed).toContain(id);
      expect(printed).not.toContain("imported");
    }
  });

  it("refuses any other name with the form of a CloudFront id", async () => {
    expect(await as("AUTUMN2026", plain(ec.privateKey, "pkcs8"))).toMatchObject({
      exit: 2,
      note: expect.stringContaining("keys bind --imported"),
    });
    expect(existsSync(ring)).toBe(false);
  });
});

describe("keys bind", () => {
  const bind = (kid: string, to: string, ...more: string[]) =>
    run("keys", "bind", "--kid", kid, "--id", to, "--ring", ring, ...more);

  beforeEach(async () => {
    await importing(plain(ec.privateKey, "pkcs8"), "--nbf", "1795000000");
    await run("keys", "new", "--purpose", "session", "--kid", "s1", "--ring", ring);
  });

  it("sets the CloudFront id of the key, and changes nothing else", async () => {
    const [key, ...rest] = keysOf(ring);
    expect(await bind("new", id)).toMatchObject({ exit: 0, note: "" });
    expect(keysOf(ring)).toEqual([{ ...key, kid: id, cloudfront: "bound" }, ...rest]);
    expect(statSync(ring).mode & 0o777).toBe(0o600);
    expect((await bind(id, "E2JCJMDEHXQW5F")).note).toContain("those of distributions with E");
  });

  it("starts the waiting time of a next key, since CloudFront knows it from now on", async () => {
    ring = join(place, "rotated.json");
    const key = { state: "next", kid: "b", since: 5 };
    const next = { ...Object(jwkOf(ec.privateKey)), ...key, purpose: "cloudfront", alg: "ES256" };
    writeFileSync(ring, JSON.stringify({ keys: [next] }));
    expect(await bind("b", id)).toMatchObject({ exit: 0 });
    const [bound] = keysOf(ring);
    expect(Math.abs(Object(bound).since - Date.now() / 1000)).toBeLessThan(60);
  });

  it("records with --imported that CloudFront had the key, even if its id is set already", async () => {
    expect((await bind("new", id, "--imported")).exit).toBe(0);
    expect(keysOf(ring)[0]).toMatchObject({ kid: id, cloudfront: "imported" });
    expect((await bind(id, id, "--imported")).note).toContain("there is nothing to do");
    writeFileSync(ring, readFileSync(ring, "utf8").replace('"imported"', '"bound"'));
    expect((await bind(id, id, "--imported")).exit).toBe(0);
    expect(keysOf(ring)[0]).toMatchObject({ kid: id, cloudfront: "imported" });
  });

  it("refuses an id in use, an unknown key, and a session key", async () => {
    await run("keys", "new", "--purpose", "cloudfront", "--type", "ec", "--kid", "other", "--ring", ring);
    await bind("other", id);
    const before = readFileSync(ring, "utf8");
    const refused = (message: string) => ({ exit: 1, note: expect.stringContaining(message) });
    expect(await bind("new", id)).toMatchObject(refused(`has another key with the id "${id}"`));
    expect(await bind(id, id)).toMatchObject(refused("there is nothing to do"));
    expect(await bind("gone", "KEVSJ4EXAMPLE")).toMatchObject(refused('has no key "gone"'));
    expect(await bind("s1", "KEVSJ4EXAMPLE")).toMatchObject(refused('"s1" has the purpose session'));
    expect(readFileSync(ring, "utf8")).toBe(before);
    expect(existsSync(`${ring}.new`)).toBe(false);
  });

  it.each(["k2jcjmdehxqw5f", "K2 JCJMDEHXQW", "arn:aws:x", "K1", "9e8d3f4c-0000-4000-8000-123456789abc", ""])(
    "refuses %j, which is not a CloudFront id",
    async (to) => {
      expect(await bind("new", to)).toMatchObject({ exit: 2, note: expect.stringContaining("--id must be") });
      expect(keysOf(ring)[0]?.kid).toBe("new");
    },
  );

  it("creates no ring", async () => {
    ring = join(place, "none.json");
    expect((await bind("new", id)).exit).toBe(1);
    expect(existsSync(ring)).toBe(false);
  });
});

/** The text of a DER document in which the bytes `to` (base64url) replace the bytes `from` of the same length. */
function swap(base64: string, from: string, to: string): string {
  const [before, after] = [from, to].map((part) => Buffer.from(part, "base64url").toString("hex"));
  const hex = Buffer.from(base64, "base64").toString("hex");
  const text = Buffer.from(hex.replace(before ?? "", after ?? ""), "hex").toString("base64");
  return text.match(/.{1,64}/g)?.join("\n") ?? "";
}
