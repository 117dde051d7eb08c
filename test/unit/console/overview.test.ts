import { describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { sessionQuery } from "../../../src/console/session-table.tsx";
import { now } from "../signing/session.ts";
import { hourOf, refused, session, withGathered } from "./gathered-stage.ts";

const idOf = (n: number) => String(n).padStart(21, "0").concat("A");

describe("the searches of the overview", () => {
  it("match the asset, session or viewer, because an asset's id may look like a session's", () => {
    expect(sessionQuery(` ${idOf(1)} `)).toEqual({ name: idOf(1), order: "begun", limit: 50 });
    expect(sessionQuery(" ")).toEqual({ order: "begun", limit: 50 });
  });

  it("keep each other in their forms, links and buttons", async () => {
    const stage = await withGathered({ sessions: [session()], hour: hourOf([refused()], { signature_expired: 1 }) });
    const text = await stage.text("/console?find=film&request=0123456789abcdef");
    const forms = text.split("<form").slice(1);
    const formsWith = (action: string) => forms.filter((form) => form.includes(action)).join("");
    expect(formsWith('id="search-find"')).toContain('<input type="hidden" name="request" value="0123456789abcdef"/>');
    expect(formsWith('id="search-request"')).toContain('<input type="hidden" name="find" value="film"/>');
    expect(formsWith("/revoke")).toContain('name="find" value="film"/><input type="hidden" name="request"');
    expect(text).toContain('id="all-sessions" href="/console?request=0123456789abcdef"');
    expect(text).toContain('id="all-refusals" href="/console?find=film"');
  });

  it("do not change the number of viewers", async () => {
    const stage = await withGathered({ sessions: [session(), session({ assetId: "film-2" })] });
    const text = await stage.text("/console?find=film-2");
    expect(text).toContain("<b>2</b><span>watching</span>");
    expect(text).toContain("1 session found.");
  });

  it("report how many of all matches are shown", async () => {
    const stage = await withGathered();
    const cookie = await stage.signIn();
    const sessions = async () => ({ count: 1_204, sessions: [session(), session({ sessionId: idOf(2) })] });
    const context = { ...stage.context, gathered: { ...stage.context.gathered, sessions } };
    const text = async (path: string) => (await stage.look(path, cookie, context)).text();
    expect(await text("/console")).toContain('<p class="fine">1,204 sessions; the 2 started last are shown. </p>');
    expect(await text("/console?find=film")).toContain("1,204 sessions found; the 2 started last are shown. <a");
    expect(await (await withGathered({ sessions: [session()] })).text("/console")).toContain(">1 session. </p>");
  });

  it("link back to all sessions if nothing matches", async () => {
    const text = await (await withGathered()).text("/console?find=nothing");
    expect(text).toContain('The match is exact. <a id="all-sessions"');
  });
});

describe("on the console's pages", () => {
  it("every focusable element has a unique id, so that a refresh keeps the focus", async () => {
    const hour = hourOf([refused({ subject: "c3ViamVjdA" })], { signature_expired: 1 });
    const stage = await withGathered({ sessions: [session()], hour });
    const text = await stage.text("/console");
    const [, main = ""] = text.split("<main");
    const links = main.match(/<(a|button|summary)\b[^>]*>/g) ?? [];
    expect(links.length).toBeGreaterThan(8);
    const bare = links.filter((link) => !/ id="/.test(link) && !/type="submit">$/.test(link));
    expect(bare).toEqual([]);
    const ids = [...main.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("every table has a name", async () => {
    const stage = await withGathered({ sessions: [session()], hour: hourOf([], { signature_expired: 1 }) });
    const tables = (await stage.text("/console")).match(/<table[^>]*>(<caption)?/g) ?? [];
    expect(tables).toHaveLength(3);
    for (const table of tables) expect(table).toMatch(/aria-labelledby|<caption/);
  });

  it("an unknown page has a heading and the menu", async () => {
    const stage = await withGathered();
    const text = await stage.text("/console/nothing");
    expect(text).toContain("<h1>Not found</h1>");
    expect(text).toContain('<nav aria-label="Console">');
    expect(await (await stage.send("/console/nothing")).text()).not.toContain("<nav");
    expect((await stage.send("/console/")).headers.get("Location")).toBe("/console");
  });
});

describe("the page of a code", () => {
  it("shows the usual causes, and only refusals with that code", async () => {
    const recent = [
      refused({ request: "00000000000000aa" }),
      refused({ code: "token_invalid", request: "00000000000000bb", at: unixSeconds(now - 5) }),
    ];
    const hour = hourOf(recent, { signature_expired: 3, token_invalid: 1 });
    const text = await (await withGathered({ hour })).text("/console/codes/token_invalid");
    expect(text).toContain("1 refusal in the last hour");
    expect(text).toContain("00000000000000bb");
    expect(text).not.toContain("00000000000000aa");
    expect(text).toContain("<h2>Usual causes</h2>");
    expect(text).toMatch(/<li><strong>[^*]+<\/strong>/);
    expect(text).toMatch(/<code>[^<]+<\/code>/);
    expect(text).not.toMatch(/\*\*|`/);
  });
});
