import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeBase64url } from "../../../src/base/encoding.ts";
import { seconds, after as timeAfter } from "../../../src/base/time.ts";
import { changesOf } from "../../../src/cloudfront/keep-in-step.ts";
import { StoreContents } from "../../../src/cloudfront/store-contents.ts";
import { endingEntry } from "../../../src/cloudfront/store-entries.ts";
import type { LoggedRevocation, RevocationKind } from "../../../src/sessions/revocation.ts";
import {
  grantOf,
  in6Hours,
  keyOf,
  now,
  preparedKeys,
  ringKeys,
  sessionKey,
  signedTarget,
} from "../../unit/signing/session.ts";
import { packed, Stage, scriptOf } from "./stage.ts";

const script = await scriptOf();
const client = { address: "192.0.2.7", userAgent: "Player/1.0" };
const id = (number: number) => encodeBase64url(new Uint8Array(16).fill(number));
const claims = { sessionId: id(201), subject: id(202), login: id(0) };
const targetBy = (key: ReturnType<typeof keyOf>, changes = {}) =>
  signedTarget(key, { purpose: "segment", grant: grantOf(key, { ...claims, ...changes }), path: "/film/A/0.ts" });
const key = keyOf(await preparedKeys(), "2026-a");
const segment = targetBy(key);
const served = { origin: "default", target: "/film/A/0.ts" };
const refused = { status: 403, refusal: "session_revoked" };
/** AWS's figure, in seconds. */
const delay = 15;

const revocation = (
  kind: RevocationKind,
  value: string,
  changes: Partial<LoggedRevocation> = {},
): LoggedRevocation => ({
  ...{ kind, value, cause: "revoked", at: now, until: in6Hours, by: "viewer" },
  ...changes,
});

function entryOf(each: LoggedRevocation) {
  const entry = endingEntry(each);
  if (entry === undefined) throw new Error(`${each.kind} has no entry of its own`);
  return entry;
}

describe("an edge location that a change of the store has not reached yet", () => {
  const stageOf = () => new Stage(script, { propagation: delay * 1000 });
  const outcomeAt = (stage: Stage, time: number, target = segment) => stage.outcome({ target, client, now: time });

  it.each([
    ["session", claims.sessionId, refused],
    ["subject", claims.subject, { origin: "manifest", target: segment, viewer: `${client.address} XX` }],
  ] as const)("serves a revoked %s until then, and not longer", async (kind, value, outcome) => {
    const stage = stageOf();
    const revoked = revocation(kind, value);
    const own = kind === "session" ? [entryOf(revoked)] : [];
    stage.time = (now + delay) * 1000;
    stage.write({ puts: [...own, { key: "c", value: packed({ revocations: [revoked] }) }] });
    expect(await outcomeAt(stage, now + 2 * delay - 1)).toEqual(served);
    expect(await outcomeAt(stage, now + 2 * delay)).toEqual(outcome);
  });

  it("leaves every request for an asset that is blacked out somewhere to the manifest host, and no other asset's", async () => {
    const stage = stageOf();
    stage.time = (now + delay) * 1000;
    stage.write({
      puts: [{ key: "c", value: packed({ revocations: [revocation("subject", "blackout:film:US-CA")] }) }],
    });
    const forwarded = { origin: "manifest", target: segment, viewer: `${client.address} XX` };
    expect(await outcomeAt(stage, now + 2 * delay)).toEqual(forwarded);
    stage.write({
      puts: [{ key: "c", value: packed({ revocations: [revocation("subject", "blackout:other:US-CA")] }) }],
    });
    expect(await outcomeAt(stage, now + 4 * delay)).toEqual(served);
  });

  it("refuses a session whose entry arrives before the packed entry, and serves the others by the old one", async () => {
    const stage = new Stage(script);
    stage.write({ puts: [entryOf(revocation("session", claims.sessionId))] });
    expect(await outcomeAt(stage, now)).toEqual(refused);
    expect(await outcomeAt(stage, now, targetBy(key, { sessionId: id(203) }))).toEqual(served);
  });

  it("refuses every request from the time until which its packed entry is valid, whatever else has arrived", async () => {
    const stage = new Stage(script);
    stage.write({ puts: [{ key: "c", value: packed({ until: timeAfter(now, seconds(60)) }) }] });
    stage.write({ puts: [entryOf(revocation("login", id(9)))] });
    expect(await outcomeAt(stage, now + 59)).toEqual(served);
    expect(await outcomeAt(stage, now + 60)).toEqual({ status: 503, refusal: "store_unavailable" });
    stage.write({ puts: [{ key: "c", value: packed() }] });
    expect(await outcomeAt(stage, now + 60)).toEqual(served);
  });

  it("refuses what a new key signed, and not what the old one signed; then it serves both", async () => {
    const added = sessionKey("2027-z", 9);
    const byNew = targetBy(keyOf(await preparedKeys([added]), "2027-z"));
    const stage = stageOf();
    stage.time = (now + delay) * 1000;
    stage.write({ puts: [{ key: "c", value: packed({ keys: [...ringKeys.slice(0, 1), added] }) }] });
    expect(await outcomeAt(stage, now + 2 * delay - 1, byNew)).toEqual({ status: 403, refusal: "key_unknown" });
    expect(await outcomeAt(stage, now + 2 * delay - 1)).toEqual(served);
    expect(await outcomeAt(stage, now + 2 * delay, byNew)).toEqual(served);
    expect(await outcomeAt(stage, now + 2 * delay)).toEqual(served);
  });
});

describe("a store between two updates of one change", () => {
  /** What the store contains with some revoked logins, all of them or, if it is full, only some. */
  function contentsOf(numbers: readonly number[], isFull: boolean): ReadonlyMap<string, string> {
    const contents = new StoreContents();
    const entries = numbers.map((number) =>
      revocation("login", id(number), {
        until: timeAfter(now, seconds(1000 + number)),
        lastGrant: timeAfter(now, seconds(1000)),
      }),
    );
    contents.apply({ reset: true, entries }, now);
    const wanted = contents.wanted(now, { keys: ringKeys, until: in6Hours }, isFull ? 3000 : undefined);
    if (!wanted.ok) throw new Error(wanted.refusal);
    return wanted.value.entries;
  }

  const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 150 }), { minLength: 60, maxLength: 120 });
  const state = fc.record({ numbers, isRevoked: fc.boolean(), isFull: fc.boolean() });

  it("admits and renews nothing that it does not admit or renew before or after the change", async () => {
    const property = fc.asyncProperty(state, state, async (before, next) => {
      const [from, to] = [before, next].map(({ numbers: some, isRevoked, isFull }) =>
        contentsOf([...new Set([...some, ...(isRevoked ? [0] : [])])], isFull),
      );
      if (from === undefined || to === undefined) throw new Error("two states");
      const stage = new Stage(script);
      const judge = async () => [
        await stage.outcome({ target: segment, client, now }),
        await stage.outcome({ target: segment, client, now: now + 400 }),
      ];
      const apply = (has: ReadonlyMap<string, string>, wanted: ReadonlyMap<string, string>) =>
        changesOf(has, wanted).map((change) => () => stage.write(change));
      for (const write of apply(stage.store.list(), from)) write();
      const seen = [await judge()];
      for (const write of apply(from, to)) {
        write();
        seen.push(await judge());
      }
      const [first, last] = [seen[0], seen.at(-1)];
      for (const [at, kind] of [served, 307].entries()) {
        const isAdmitted = (outcome: object | undefined) =>
          kind === 307 ? Object(outcome).status === 307 : Object(outcome).origin === "default";
        const allowed = isAdmitted(first?.[at]) || isAdmitted(last?.[at]);
        if (!allowed) expect(seen.filter((outcomes) => isAdmitted(outcomes[at]))).toEqual([]);
      }
    });
    await fc.assert(property, { numRuns: 60 });
  });
});
