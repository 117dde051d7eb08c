import { generateKeyPairSync } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { durationText } from "../../../cli/keys/rotation-times.ts";
import { secretsIn } from "./command-line.ts";
import { catalog, hour, listStates, make, now, pass, place, ring, rotate, run, stageEachTest } from "./ring-stage.ts";

stageEachTest();

describe("keys rotate for session keys", () => {
  beforeEach(async () => {
    await make("session", "s1");
  });

  it("performs a whole rotation, each step only after its waiting time, and never shows a secret", async () => {
    const known = ["--session-ttl", "6h", "--catalog", catalog({ session: 8 * hour })];
    const printed: string[] = [];
    const step = async (...more: string[]) => {
      const run = await rotate(...known, ...more);
      printed.push(run.text, run.note, JSON.stringify(run.json));
      return run;
    };
    const first = await step("--kid", "s2");
    expect([first.json.step, first.json.next]).toEqual([
      "introduce",
      { step: "activate", kid: "s2", from: now() + hour },
    ]);
    expect(first.text).toContain("npm run deploy -- --env production");

    pass(hour - 1);
    const early = await step();
    expect([early.exit, early.text, early.json.waits.from]).toEqual([1, "", now() + 1]);
    expect(early.note).toContain("from 2027-01-01T01:00:00Z");
    expect(await listStates()).toEqual(["s1 active", "s2 next"]);

    pass(1);
    const second = await step();
    expect([second.json.step, second.json.kid, second.json.before]).toEqual(["activate", "s2", "s1"]);
    expect(second.text).toContain("npm run deploy -- --env production");
    expect(await listStates()).toEqual(["s1 retiring", "s2 active"]);

    pass(9 * hour - 1);
    expect(await step()).toMatchObject({ exit: 1, note: expect.stringContaining("2027-01-01T10:00:00Z") });
    pass(1);
    const third = await step();
    expect([third.json.step, third.json.kid, third.json.next]).toEqual(["retire", "s1", { step: "introduce" }]);
    expect(third.text).toContain("npm run deploy -- --env production");
    expect(await listStates()).toEqual(["s1 retired", "s2 active"]);
    expect((await run("keys", "for", "edge")).json.keys).toHaveLength(1);
    for (const secret of secretsIn(ring)) expect(printed.join("\n")).not.toContain(secret);
    expect(statSync(ring).mode & 0o777).toBe(0o600);
  });

  it("shows the whole plan with --dry-run and changes nothing", async () => {
    const before = readFileSync(ring, "utf8");
    const { exit, text, json } = await rotate(
      "--dry-run",
      "--kid",
      "s2",
      "--session-ttl",
      "6h",
      "--catalog",
      catalog({}),
    );
    expect([exit, readFileSync(ring, "utf8")]).toEqual([0, before]);
    expect(
      json.plan.map(({ step, kid, from }: { step: string; kid: string; from: number }) => [step, kid, from - now()]),
    ).toEqual([
      ["introduce", "s2", 0],
      ["activate", "s2", hour],
      ["retire", "s1", 8 * hour],
    ]);
    expect(text).toContain("2027-01-01T08:00:00Z (in 8 h)");
  });

  it("assumes sessions of a week without an option that says how long they last", async () => {
    await rotate("--kid", "s2");
    pass(hour);
    const { json } = await rotate("--session-ttl", "6h");
    expect(json.next).toEqual({ step: "retire", kid: "s1", from: now() + hour + 7 * 24 * hour });
  });

  it("retires a leaked key with --at-once, and says which sessions end", async () => {
    const { json, text } = await rotate("--at-once", "--kid", "s2");
    expect([json.step, json.kid, json.before]).toEqual(["at once", "s2", "s1"]);
    expect(text).toContain("All sessions under the old key are refused");
    expect(text).toContain("npx stagedoor revoke --key s1");
    expect(await listStates()).toEqual(["s1 retired", "s2 active"]);
  });

  it("introduces and activates a new key with --introduce while another is retiring", async () => {
    await rotate("--kid", "s2");
    pass(hour);
    await rotate();
    expect((await rotate()).note).toContain("--introduce");
    expect((await rotate("--introduce", "--kid", "s3")).json).toMatchObject({ step: "introduce", before: "s2" });
    expect(await rotate("--introduce")).toMatchObject({ exit: 2, note: expect.stringContaining("s3 is next already") });
    pass(hour);
    expect((await rotate()).json).toMatchObject({ step: "activate", kid: "s3", before: "s2" });
    expect(await listStates()).toEqual(["s1 retiring", "s2 retiring", "s3 active"]);
    // Each waiting time counts from the end of the key's own signing.
    pass(7 * 24 * hour);
    expect((await rotate()).json).toMatchObject({ step: "retire", kid: "s1" });
    expect(await rotate()).toMatchObject({ exit: 1, note: expect.stringContaining("s2 can be retired from") });
    pass(hour);
    expect((await rotate()).json).toMatchObject({ step: "retire", kid: "s2" });
  });

  it("refuses options of a new key if no key is created", async () => {
    await rotate("--kid", "s2");
    for (const words of [
      ["--kid", "s3"],
      ["--kid", "s3", "--dry-run"],
      ["--kid", "s3", "--at-once"],
    ])
      expect(await rotate(...words)).toMatchObject({
        exit: 2,
        note: expect.stringContaining("--kid is for a new key"),
      });
    expect(await listStates()).toEqual(["s1 active", "s2 next"]);
  });

  it("accepts a ring of an earlier version without states", async () => {
    const { keys } = JSON.parse(readFileSync(ring, "utf8"));
    const [{ state: _, since: __, ...old }] = keys;
    writeFileSync(
      ring,
      JSON.stringify({ keys: [old, { ...old, kid: "waiting", k: "B".repeat(42).concat("A"), state: "next" }] }),
    );
    const run = await rotate();
    expect([run.exit, run.json.waits]).toEqual([1, { step: "activate", kid: "waiting", from: now() + hour }]);
    expect(run.note).toContain("counts from now");
    pass(hour);
    expect((await rotate()).json.step).toBe("activate");
    expect(await listStates()).toEqual(["s1 retiring", "waiting active"]);
  });

  it.each([
    [["--purpose", "token"], "--purpose must be"],
    [["--type", "ec"], "--type is for"],
    [["--session-ttl", "8d"], "--session-ttl must be"],
    [["--kid", "s1"], "already"],
    [["--dry-run", "--at-once"], "--dry-run and --at-once"],
  ])("refuses %j and leaves the ring unchanged", async (words, message) => {
    const before = readFileSync(ring, "utf8");
    expect(await rotate(...words)).toMatchObject({ exit: 2, note: expect.stringContaining(message) });
    expect(readFileSync(ring, "utf8")).toBe(before);
  });
});

describe("keys rotate for CloudFront keys", () => {
  const cloudfront = (...more: string[]) => rotate("--purpose", "cloudfront", ...more);
  const bind = (kid: string, id: string) => run("keys", "bind", "--kid", kid, "--id", id);
  const film = (keyPairId?: string) => ({ cdn: "cloudfront-signed", cloudfront: { keyPairId }, session: 6 * hour });

  beforeEach(async () => {
    await make("cloudfront", "first", "--type", "ec");
    await bind("first", "K1AAAAAAAAAAAA");
  });

  it("activates a key only once CloudFront has it, and counts the wait from then", async () => {
    const known = ["--catalog", catalog(film()), "--session-ttl", "6h"];
    const first = await cloudfront(...known, "--kid", "fresh");
    expect(first.text).toContain("npm run deploy -- --env production");
    expect(first.text).toContain("keys bind --kid fresh");
    pass(2 * hour);
    expect(await cloudfront(...known)).toMatchObject({
      exit: 1,
      note: expect.stringContaining("CloudFront does not know fresh"),
    });
    await bind("fresh", "K2BBBBBBBBBBBB");
    expect(await cloudfront(...known)).toMatchObject({ exit: 1, note: expect.stringContaining("Too early") });
    pass(hour);
    const second = await cloudfront(...known);
    expect(second.json.step).toBe("activate");
    // The day of an init segment's URL is added to the session.
    expect(second.json.next.from - now()).toBe(hour + 6 * hour + 24 * hour);
    const exported = await run("keys", "export", "--purpose", "cloudfront", "--format", "terraform");
    expect(exported.json.keys.map(({ kid }: { kid: string }) => kid)).toEqual(["K1AAAAAAAAAAAA", "K2BBBBBBBBBBBB"]);
  });

  it("refuses a step while an asset names the outgoing key", async () => {
    const unnamed = () => ["--catalog", catalog(film()), "--session-ttl", "6h"];
    const named = (kid: string) => ["--catalog", catalog(film(kid)), "--session-ttl", "6h"];
    await cloudfront("--kid", "second");
    await bind("second", "K2BBBBBBBBBBBB");
    pass(hour);
    const refused = (message: string) => ({ exit: 1, note: expect.stringContaining(message) });
    expect(await cloudfront(...named("K1AAAAAAAAAAAA"))).toMatchObject(refused("names K1AAAAAAAAAAAA for film0"));
    expect(await cloudfront()).toMatchObject({ exit: 2, note: expect.stringContaining("--catalog") });
    expect((await cloudfront(...unnamed())).json.step).toBe("activate");
    pass(31 * hour);
    expect(await cloudfront(...named("K1AAAAAAAAAAAA"))).toMatchObject(refused("still signs for film0"));
    // The key signed until now, so its waiting time starts again.
    expect(await cloudfront(...unnamed())).toMatchObject(refused("counts from now"));
    pass(31 * hour - 1);
    expect((await cloudfront(...unnamed())).exit).toBe(1);
    pass(1);
    expect((await cloudfront(...unnamed())).json.step).toBe("retire");
  });

  it("shows in a plan which assets name the outgoing key, and refuses a name with the form of a CloudFront id", async () => {
    const known = ["--catalog", catalog(film("K1AAAAAAAAAAAA"), film())];
    const { text, json } = await cloudfront("--dry-run", "--kid", "second", ...known);
    expect(json.pins).toEqual([{ asset: "film0", keyPairId: "K1AAAAAAAAAAAA" }]);
    expect(text).toContain("The catalog names K1AAAAAAAAAAAA for film0");
    expect(await cloudfront("--kid", "AUTUMN2026")).toMatchObject({
      exit: 2,
      note: expect.stringContaining("looks like a CloudFront id"),
    });
  });

  it("creates a key of the same type as the active one, or of the type of --type", async () => {
    expect((await cloudfront("--kid", "a")).exit).toBe(0);
    expect((await make("cloudfront", "b", "--type", "rsa")).json.kty).toBe("RSA");
    const types = JSON.parse(readFileSync(ring, "utf8")).keys.map(({ kid, kty }: { kid: string; kty: string }) => [
      kid,
      kty,
    ]);
    expect(types).toEqual([
      ["K1AAAAAAAAAAAA", "EC"],
      ["a", "EC"],
      ["b", "RSA"],
    ]);
  });

  it("retires a key with --at-once only if CloudFront has another key", async () => {
    expect(await cloudfront("--at-once")).toMatchObject({ exit: 1, note: expect.stringContaining("keys bind") });
    await cloudfront("--kid", "second");
    await bind("second", "K2BBBBBBBBBBBB");
    expect(await cloudfront("--at-once")).toMatchObject({ exit: 2, note: expect.stringContaining("--catalog") });
    const known = ["--catalog", catalog(film(), film("K1AAAAAAAAAAAA"))];
    expect(await cloudfront("--at-once", "--kid", "third", ...known)).toMatchObject({
      exit: 2,
      note: expect.stringContaining("--kid is for a new key"),
    });
    const { json, text } = await cloudfront("--at-once", ...known);
    expect(json).toMatchObject({ step: "at once", kid: "K2BBBBBBBBBBBB", stranded: ["film1"] });
    expect(text).toContain("film1 cannot be played");
    expect(await listStates()).toEqual(["K1AAAAAAAAAAAA retired", "K2BBBBBBBBBBBB active"]);
  });
});

describe("keys rotate for a CloudFront key without its private half", () => {
  it("never activates it, and continues with the other keys", async () => {
    const pem = join(place, "half.pem");
    const half = generateKeyPairSync("ec", { namedCurve: "P-256" });
    writeFileSync(pem, half.publicKey.export({ type: "spki", format: "pem" }));
    const known = ["--purpose", "cloudfront", "--catalog", catalog({})];
    await run("keys", "import", "--cdn", "cloudfront", "--in", pem, "--kid", "K1AAAAAAAAAAAA");
    expect(await listStates()).toEqual(["K1AAAAAAAAAAAA next"]);
    pass(2 * hour);
    expect(await rotate(...known)).toMatchObject({ exit: 1, note: expect.stringContaining("import the private half") });
    expect((await rotate(...known, "--at-once")).exit).toBe(1);
    expect((await rotate(...known, "--introduce", "--kid", "own")).json).toMatchObject({
      step: "introduce",
      kid: "own",
    });
    expect(await listStates()).toEqual(["K1AAAAAAAAAAAA next", "own active"]);
    writeFileSync(pem, half.privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
    await run("keys", "import", "--cdn", "cloudfront", "--in", pem, "--kid", "K1AAAAAAAAAAAA");
    expect((await rotate(...known)).json).toMatchObject({ step: "activate", kid: "K1AAAAAAAAAAAA", before: "own" });
  });
});

describe("keys rotate for operator keys", () => {
  it("retires a key when the last token that it signed expires", async () => {
    await run("operator", "new", "--name", "ann", "--days", "3", "--out", join(place, "ann.jwt"));
    const until = now() + 3 * 24 * hour;
    await run("operator", "new", "--name", "bob", "--days", "1", "--out", join(place, "bob.jwt"));
    await rotate("--purpose", "operator", "--kid", "o2");
    pass(hour);
    const { json, text } = await rotate("--purpose", "operator");
    expect(json.next).toMatchObject({ step: "retire", from: until });
    expect(text).toContain("npm run deploy -- --env production");
    expect(JSON.stringify((await run("keys", "for", "api")).json)).not.toContain("signedUntil");
  });
});

describe("durationText", () => {
  it.each([
    [1, "1 s"],
    [59, "59 s"],
    [60, "1 min"],
    [3599, "59 min 59 s"],
    [3661, "1 h 2 min"],
    [86_399, "24 h"],
    [608_400, "7 d 1 h"],
  ])("writes %s s as %s, and never rounds down", (length, words) => {
    expect(durationText(length)).toBe(words);
  });
});
