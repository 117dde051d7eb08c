import { describe, expect, test } from "vitest";
import { seconds } from "../../../src/base/time.ts";
import { expiriesOf, givenBy } from "../../../src/playlist/expiry-plan.ts";
import { bucket, compiled, media, now, rewrite, step } from "./sample.ts";

const control = (list: string) => `#EXT-X-SERVER-CONTROL:${list}`;
const full = 'HOLD-BACK=18.0,CAN-SKIP-UNTIL=36.0,CAN-BLOCK-RELOAD=YES,CAN-SKIP-DATERANGES=YES,X-NOTE="a,b"';

function segments(count: number, first = 0): string[] {
  return Array.from({ length: count }, (_, i) => `#EXTINF:6,\n${first + i}.ts`);
}

/** Whether a rewritten playlist still offers delta updates. The template must agree. */
function offers(...lines: string[]): boolean {
  const text = media(...lines);
  const offered = rewrite(text).includes("CAN-SKIP-UNTIL");
  expect(compiled(text).reloads.canSkip).toBe(offered);
  return offered;
}

describe("delta updates", () => {
  // A live URL is valid for 300 s of window and 18 s. A player keeps a segment for the window less CAN-SKIP-UNTIL.
  test("are offered for a live window of minutes, and not for one of hours", () => {
    expect(offers(control(full), ...segments(20))).toBe(true);
    expect(offers(control(full), ...segments(50))).toBe(true);
    expect(offers(control(full), ...segments(58))).toBe(true);
    expect(offers(control(full), ...segments(59))).toBe(false);
    expect(offers(control(full), ...segments(1200))).toBe(false);
  });

  test("are not offered if the segments that a delta update skips make the window too long", () => {
    expect(offers(control(full), "#EXT-X-SKIP:SKIPPED-SEGMENTS=10", ...segments(8, 10))).toBe(true);
    expect(offers(control(full), "#EXT-X-SKIP:SKIPPED-SEGMENTS=100", ...segments(8, 100))).toBe(false);
  });

  test("are offered for an EVENT while the URL of its first segment is valid", () => {
    const event = "#EXT-X-PLAYLIST-TYPE:EVENT";
    expect(offers(control(full), event, ...segments(55))).toBe(true);
    expect(offers(control(full), event, ...segments(56))).toBe(false);
    const text = media(control(full), event, ...segments(20));
    expect(rewrite(text, { ...bucket, pauseAllowance: seconds(0) })).not.toContain("CAN-SKIP-UNTIL");
  });

  test("stay offered in an ended playlist, which is not reloaded", () => {
    expect(offers(control(full), ...segments(1200), "#EXT-X-ENDLIST")).toBe(true);
  });

  test("are offered only if every URL is valid for as long as a player keeps it", () => {
    for (let count = 1; count < 200; count++) {
      const template = compiled(media(control(full), ...segments(count)));
      const kept = count * 6 - 36;
      if (!template.reloads.canSkip) continue;
      for (const expiry of expiriesOf(template, now, step)) expect(expiry - now).toBeGreaterThanOrEqual(kept);
    }
  });
});

describe("EXT-X-SERVER-CONTROL", () => {
  const written = (list: string) => rewrite(media(control(list), ...segments(100))).split("\n")[2];

  test.each([
    [full, control('HOLD-BACK=18.0,CAN-BLOCK-RELOAD=YES,X-NOTE="a,b"')],
    ["CAN-SKIP-UNTIL=36", "# no delta updates"],
    ["CAN-SKIP-UNTIL=36,CAN-SKIP-DATERANGES=YES", "# no delta updates"],
    ["CAN-BLOCK-RELOAD=YES", control("CAN-BLOCK-RELOAD=YES")],
    [" HOLD-BACK = 18", control(" HOLD-BACK = 18")],
  ])("loses its offer of delta updates and nothing else: %s", (list, line) => {
    expect(written(list)).toBe(line);
  });
});

describe("the URLs of MAP and KEY", () => {
  const init = ['#EXT-X-MAP:URI="i.mp4"', '#EXT-X-KEY:METHOD=AES-128,URI="k.key"'];
  const expiriesBy = (text: string, given?: Map<string, typeof now>) => {
    const template = compiled(text);
    const expiries = expiriesOf(template, now, step, { given });
    const byName = new Map(template.targets.map(({ path }, i) => [path.slice(path.lastIndexOf("/") + 1), expiries[i]]));
    return { map: byName.get("i.mp4"), key: byName.get("k.key"), template, expiries };
  };

  test("stay the same between the reloads of a step, although durations vary", () => {
    const seen = new Set<unknown>();
    // Windows of 11.5 s to 12.5 s and 18 s: together about a whole step.
    for (const duration of [5.75, 5.9, 6, 6.1, 6.25])
      for (const first of [0, 1, 2]) {
        const lines = [0, 1].map((i) => `#EXTINF:${duration},\n${first + i}.mp4`);
        const { map, key } = expiriesBy(media(`#EXT-X-MEDIA-SEQUENCE:${first}`, ...init, ...lines));
        seen.add(`${map} ${key}`);
      }
    expect(seen.size).toBe(1);
  });

  test("stay the same when a window alternates between two lengths, after the longer one was seen", () => {
    let given: Map<string, typeof now> | undefined;
    const seen = [2, 3, 2, 3, 2].map((count) => {
      const { map, key, template, expiries } = expiriesBy(media(...init, ...segments(count)), given);
      given = givenBy(template, expiries);
      return `${map} ${key}`;
    });
    expect(new Set(seen.slice(1)).size).toBe(1);
    expect(seen[0]).not.toBe(seen[1]);
  });
});
