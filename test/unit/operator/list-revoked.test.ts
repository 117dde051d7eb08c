import { beforeEach, describe, expect, it } from "vitest";
import { seconds, after as timeAfter } from "../../../src/base/time.ts";
import { listRevoked } from "../../../src/operator/list-revoked.ts";
import { lookUpViewer } from "../../../src/operator/viewer.ts";
import { subjectDigest } from "../../../src/sessions/identifiers.ts";
import { revokeAs } from "../../../src/sessions/revoke.ts";
import { asset, codeOf, opened } from "../sessions/session-service.ts";
import { operatorStage } from "./operator-stage.ts";

const alice = { issuer: "https://id.example", subject: "alice" };
const ann = { operator: "ann", through: "console" } as const;

let stage: Awaited<ReturnType<typeof operatorStage>>;
beforeEach(async () => {
  stage = await operatorStage({ assets: [asset("film")] });
});

const list = async (...kind: Parameters<typeof listRevoked>[1][]) =>
  opened(await listRevoked(stage.context(), ...kind));
const liftEntry = (kind: "subject" | "asset", value: string) =>
  revokeAs(ann, { entry: { kind, value }, lift: true }, stage.context());

describe("the list of what is revoked", () => {
  it("has each revocation once, with its author and reason, the last one first", async () => {
    opened(await revokeAs(ann, { asset: "film", reason: "licence ended", lift: false }, stage.context()));
    stage.state.now = timeAfter(stage.state.now, seconds(5));
    opened(await revokeAs({ ...ann, operator: "bob" }, { subject: alice, lift: false }, stage.context()));
    const digest = subjectDigest(alice.issuer, alice.subject);
    const listed = (await list()).map(({ kind, value, author, reason }) => ({ kind, value, author, reason }));
    expect(listed).toEqual([
      { kind: "subject", value: digest, author: "bob", reason: undefined },
      { kind: "asset", value: "film", author: "ann", reason: "licence ended" },
    ]);
    expect(await list("asset")).toHaveLength(1);
  });

  it("has no session that its viewer ended", async () => {
    const entry = { kind: "session", value: "a".repeat(22), cause: "revoked" } as const;
    const { log, clock } = stage.context();
    await log.append([{ ...entry, at: clock(), until: timeAfter(clock(), seconds(600)) }], "viewer");
    expect(await list()).toEqual([]);
  });
});

describe("the undo of a listed revocation", () => {
  it("of a viewer lifts it for the digest and under each key, so that their sessions play on", async () => {
    opened(await revokeAs(ann, { subject: alice, lift: false }, stage.context()));
    opened(await liftEntry("subject", subjectDigest(alice.issuer, alice.subject)));
    expect(await list()).toEqual([]);
    expect((await stage.context().log.since(0)).entries).toEqual([]);
    expect(opened(await lookUpViewer(alice, stage.context())).revocation).toBeUndefined();
  });

  it("leaves the others, and says if there is nothing to undo", async () => {
    opened(await revokeAs(ann, { asset: "film", lift: false }, stage.context()));
    opened(await revokeAs(ann, { subject: alice, lift: false }, stage.context()));
    opened(await liftEntry("asset", "film"));
    expect((await list()).map(({ kind }) => kind)).toEqual(["subject"]);
    expect(codeOf(await liftEntry("asset", "film"))).toBe("revocation_unknown");
  });
});

describe("a body with an entry", () => {
  it("is refused without lift, and needs operator:keys for a key", async () => {
    const entry = { kind: "asset", value: "film" };
    expect(codeOf(await stage.revoke({ entry }))).toBe("revocation_invalid");
    const scoped = { scope: "operator:revoke" };
    expect(codeOf(await stage.revoke({ entry: { kind: "key", value: "k" }, lift: true }, scoped))).toBe(
      "scope_insufficient",
    );
    expect(codeOf(await stage.revoke({ entry, lift: true }, scoped))).toBe("revocation_unknown");
  });

  it.each(["", "a\nb", "x".repeat(201), "\u202eabc"])("is refused with the reason %j", async (reason) => {
    expect(codeOf(await stage.revoke({ asset: "film", reason }))).toBe("revocation_invalid");
  });
});
