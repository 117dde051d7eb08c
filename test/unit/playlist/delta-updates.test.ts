import { describe, expect, test } from "vitest";
import { seconds } from "../../../src/base/time.ts";
import { expiriesOf, givenBy } from "../../../src/playlist/expiry-plan.ts";
import { bucket, compiled, media, now, rewrite, step } from "./sample.ts";

const control = (list: string) => `#EXT-X-SERVER-CONTROL:${list}`;
const full = 'HOLD-BACK=18.0,CAN-SKIP-UNTIL=36.0,CAN-BLOCK-RELOAD=YES,CAN-SKIP-DATERANGES=YES,X-NOTE="a,b"';

function segments(count: number, first = 0): string[] {
  return Array.from({ length: count }, (_, i) => `#EXTINF:6,\n${first + i}.ts`);
}

/** Whether a playlist is left its offer of delta updates; what it says and what is taken from viewers agree. */
function offers(...lines: string[]): boolean {
  const text = media(...lines);
  const offered = rewrite(text).includes("CAN-SKIP-UNTIL");
  expect(compiled(text).reloads.canSkip).toBe(offered);
  return offered;
}

describe("delta updates are offered where URLs hold as long as players keep them", () => {
  // A live URL holds for 300 s of window and 18 s; a segment is kept for the window less CAN-SKIP-UNTIL.
  test("live: to a window of some minutes, and not to one of hours", () => {
    expect(offers(control(full), ...segments(20))).toBe(true);
    expect(offers(control(full), ...segments(50))).toBe(true);
    expect(offers(control(full), ...segments(58))).toBe(true);
    expect(offers(control(full), ...segments(59))).toBe(false);
    expect(offers(control(full), ...segments(1200))).toBe(false);
  });

  test("live: what a delta update itself leaves out counts", () => {
    expect(offers(control(full), "#EXT-X-SKIP:SKIPPED-SEGMENTS=10", ...segments(8, 10))).toBe(true);
    expect(offers(control(full), "#EXT-X-SKIP:SKIPPED-SEGMENTS=100", ...segments(8, 100))).toBe(false);
  });

  test("EVENT: while its first segment's URL holds, whose pause allowance ends first", () => {
    const event = "#EXT-X-PLAYLIST-TYPE:EVENT";
    expect(offers(control(full), event, ...segments(55))).toBe(true);
    expect(offers(control(full), event, ...segments(56))).toBe(false);
    const text = media(control(full), event, ...segments(20));
    expect(rewrite(text, { ...bucket, pauseAllowance: seconds(0) })).not.toContain("CAN-SKIP-UNTIL");
  });

  test("what has ended keeps its bytes: nobody reloads it", () => {
    expect(offers(control(full), ...segments(1200), "#EXT-X-ENDLIST")).toBe(true);
  });

  test("every segment of a playlist that offers them holds for as long as it may be kept", () => {
    for (let count = 1; count < 200; count++) {
      const template = compiled(media(control(full), ...segments(count)));
      const kept = count * 6 - 36;
      if (!template.reloads.canSkip) continue;
      for (const expiry of expiriesOf(template, now, step)) expect(expiry - now).toBeGreaterThanOrEqual(kept);
    }
  });
});

describe("the offer is taken out of EXT-X-SERVER-CONTROL", () => {
  const written = (list: string) => rewrite(media(control(list), ...segments(100))).split("\n")[2];

  test.each([
    [full, control('HOLD-BACK=18.0,CAN-BLOCK-RELOAD=YES,X-NOTE="a,b"')],
    ["CAN-SKIP-UNTIL=36", "# no delta updates"],
    ["CAN-SKIP-UNTIL=36,CAN-SKIP-DATERANGES=YES", "# no delta updates"],
    ["CAN-BLOCK-RELOAD=YES", control("CAN-BLOCK-RELOAD=YES")],
    [" HOLD-BACK = 18", control(" HOLD-BACK = 18")],
  ])("%s", (list, line) => {
    expect(written(list)).toBe(line);
  });
});

describe("URLs of MAP and KEY stay the same between the reloads of a step", () => {
  const init = ['#EXT-X-MAP:URI="i.mp4"', '#EXT-X-KEY:METHOD=AES-128,URI="k.key"'];
  const expiriesBy = (text: string, given?: Map<string, typeof now>) => {
    const template = compiled(text);
    const expiries = expiriesOf(template, now, step, { given });
    const byName = new Map(template.targets.map(({ path }, i) => [path.slice(path.lastIndexOf("/") + 1), expiries[i]]));
    return { map: byName.get("i.mp4"), key: byName.get("k.key"), template, expiries };
  };

  test("though durations vary from segment to segment, by which a window moves over a multiple of the step", () => {
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

  test("although a window alternately has a segment more or less, once the longer one was seen", () => {
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
