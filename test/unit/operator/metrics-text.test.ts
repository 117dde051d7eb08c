import { describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import type { RingKey } from "../../../src/keys/key.ts";
import { metricsText } from "../../../src/operator/metrics-text.ts";
import { codeOf, opened } from "../sessions/session-service.ts";
import { now } from "../signing/session.ts";
import { operatorStage } from "./operator-stage.ts";

const secret = "A".repeat(43);
const session = { purpose: "session", kty: "oct", alg: "HS256", k: secret } as const;
const keys: readonly RingKey[] = [
  { ...session, kid: "new", state: "next", since: now - 60 },
  { ...session, kid: "now", state: "active", since: now - 3600, nbf: now - 9999 },
  { ...session, kid: "old", nbf: now - 7200, exp: now + 600, state: "retiring" },
];

describe("the metrics text", () => {
  it("has the age, expiry and next step of each key, and no secret", async () => {
    const stage = await operatorStage({ ring: keys });
    const text = opened(await metricsText(stage.context()));
    expect(text.split("\n").filter((line) => /^stagedoor_key_/.test(line))).toEqual([
      'stagedoor_key_age_seconds{purpose="session",kid="new",state="next"} 60',
      'stagedoor_key_age_seconds{purpose="session",kid="now",state="active"} 3600',
      'stagedoor_key_ends_seconds{purpose="session",kid="old"} 600',
      'stagedoor_key_next_step_seconds{purpose="session",kid="new",step="activate"} 3540',
      'stagedoor_key_next_step_seconds{purpose="session",kid="old",step="retire"} 600',
    ]);
    expect(text).not.toContain(secret);
  });

  it("has the number of revocations per kind", async () => {
    const stage = await operatorStage({ ring: keys });
    const until = unixSeconds(now + 60);
    const entry = { kind: "session", cause: "taken", at: now, until } as const;
    await stage.context().log.append(
      [
        { ...entry, value: "a" },
        { ...entry, value: "b" },
      ],
      "viewer",
    );
    await stage.context().log.append([{ ...entry, kind: "asset", value: "film" }], "operator");
    await stage.context().log.append([{ ...entry, kind: "subject", value: "blackout:film:DE" }], "operator");
    const text = opened(await metricsText(stage.context()));
    expect(text.split("\n").filter((line) => /^stagedoor_revocations{/.test(line))).toEqual([
      'stagedoor_revocations{kind="asset"} 1',
      'stagedoor_revocations{kind="blackout"} 1',
      'stagedoor_revocations{kind="key"} 0',
      'stagedoor_revocations{kind="login"} 0',
      'stagedoor_revocations{kind="session"} 2',
      'stagedoor_revocations{kind="subject"} 0',
      'stagedoor_revocations{kind="token"} 0',
    ]);
  });

  it("has the gathered counts and the release", async () => {
    const stage = await operatorStage();
    const counts = [["stagedoor_started_total", 4]] as const;
    await stage.gathered.report({ worker: "api", counts, refusals: [], alive: [], ended: [] });
    const text = opened(await metricsText(stage.context()));
    expect(text).toContain("# TYPE stagedoor_started_total counter\nstagedoor_started_total 4\n");
    expect(text).toMatch(/^stagedoor_build_info\{version="[\d.]+"\} 1$/m);
  });

  it("leaves out keys and revocations if the revocation log is down", async () => {
    const stage = await operatorStage({ ring: keys });
    stage.state.down = "log";
    const text = opened(await metricsText(stage.context()));
    expect(text).toContain("stagedoor_sessions 0");
    expect(text).not.toMatch(/stagedoor_key_|stagedoor_revocations\{/);
  });

  it("is refused if the metrics object is down, because zeros would look like a quiet night", async () => {
    const stage = await operatorStage();
    const gathered = { ...stage.gathered, counts: () => Promise.reject(new Error("MARKED")) };
    const response = await metricsText({ ...stage.context(), gathered });
    expect(codeOf(response)).toBe("store_unavailable");
    expect(JSON.stringify(response)).not.toContain("MARKED");
  });
});
