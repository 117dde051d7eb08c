import { describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import type { RingKey } from "../../../src/keys/key.ts";
import { metricsNow } from "../../../src/operator/keys-now.ts";
import { codeOf, opened } from "../sessions/session-stage.ts";
import { now } from "../signing/session.ts";
import { operatorStage } from "./operator-stage.ts";

const secret = "A".repeat(43);
const session = { purpose: "session", kty: "oct", alg: "HS256", k: secret } as const;
const keys: readonly RingKey[] = [
  { ...session, kid: "new", state: "next", since: now - 60 },
  { ...session, kid: "now", state: "active", since: now - 3600, nbf: now - 9999 },
  { ...session, kid: "old", nbf: now - 7200, exp: now + 600, state: "retiring" },
];

describe("the metrics of this moment", () => {
  it("say how long each key has been in its state, when it ends and what it waits for, by its name alone", async () => {
    const stage = await operatorStage({ ring: keys });
    const text = opened(await metricsNow(stage.context()));
    expect(text.split("\n").filter((line) => /^stagedoor_key_/.test(line))).toEqual([
      'stagedoor_key_age_seconds{purpose="session",kid="new",state="next"} 60',
      'stagedoor_key_age_seconds{purpose="session",kid="now",state="active"} 3600',
      'stagedoor_key_ends_seconds{purpose="session",kid="old"} 600',
      'stagedoor_key_next_step_seconds{purpose="session",kid="new",step="activate"} 3540',
      'stagedoor_key_next_step_seconds{purpose="session",kid="old",step="retire"} 600',
    ]);
    expect(text).not.toContain(secret);
  });

  it("say how many entries the revocation log holds, of each kind", async () => {
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
    const text = opened(await metricsNow(stage.context()));
    expect(text.split("\n").filter((line) => /^stagedoor_revocations{/.test(line))).toEqual([
      'stagedoor_revocations{kind="asset"} 1',
      'stagedoor_revocations{kind="key"} 0',
      'stagedoor_revocations{kind="login"} 0',
      'stagedoor_revocations{kind="session"} 2',
      'stagedoor_revocations{kind="subject"} 0',
      'stagedoor_revocations{kind="token"} 0',
    ]);
  });

  it("hold what was gathered, and the release", async () => {
    const stage = await operatorStage();
    const counts = [["stagedoor_started_total", 4]] as const;
    await stage.gathered.report({ worker: "api", counts, refusals: [], alive: [], ended: [] });
    const text = opened(await metricsNow(stage.context()));
    expect(text).toContain("# TYPE stagedoor_started_total counter\nstagedoor_started_total 4\n");
    expect(text).toMatch(/^stagedoor_build_info\{version="[\d.]+"\} 1$/m);
  });

  it("leave out the keys where the revocation log is down, for then the counts are wanted", async () => {
    const stage = await operatorStage({ ring: keys });
    stage.state.down = "log";
    const text = opened(await metricsNow(stage.context()));
    expect(text).toContain("stagedoor_sessions 0");
    expect(text).not.toMatch(/stagedoor_key_|stagedoor_revocations\{/);
  });

  it("are refused where nobody gathers: zeros would look like a quiet night", async () => {
    const stage = await operatorStage();
    const gathered = { ...stage.gathered, counts: () => Promise.reject(new Error("MARKED")) };
    const answered = await metricsNow({ ...stage.context(), gathered });
    expect(codeOf(answered)).toBe("store_unavailable");
    expect(JSON.stringify(answered)).not.toContain("MARKED");
  });
});
