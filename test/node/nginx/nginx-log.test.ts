import { describe, expect, it } from "vitest";
import { withoutGrants } from "../../../cli/nginx/nginx-log.ts";

const grant = `2D3RhFCiAQUES2Rldi1zZXNzaW9u${"oFh3qQFpc3RhZ2Vkb29y".repeat(10)}`;
const signature = "seg=1796081940.TQkKL1sFdE389W3z2NKmeQ";
const lineOf = (target: string) =>
  `2026/11/30 23:36:05 [error] 7#7: *23 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.1, server: media.example.tv, request: "GET ${target} HTTP/1.1", upstream: "http://127.0.0.1:8788${target}", host: "media.example.tv"`;

describe("nginx's error log", () => {
  it("keeps everything of a line except its queries and long texts", () => {
    expect(withoutGrants(lineOf(`/${grant}/film/360p/0.ts?${signature}`))).toBe(
      '2026/11/30 23:36:05 [error] 7#7: *23 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.1, server: media.example.tv, request: "GET /[…]/film/360p/0.ts?[…]", upstream: "http://127.0.0.1:8788/[…]/film/360p/0.ts?[…]", host: "media.example.tv"',
    );
  });

  it.each([
    ["a grant that the log has cut off", `/${grant.slice(0, 60)}`],
    ["a grant in percent-escapes", `/%32${grant.slice(1)}/film/0.ts`],
    ["a second query", `/${grant}/film/0.ts?a=b?${signature}`],
    ["a quotation mark in the query", `/${grant}/film/0.ts?a="&${signature}`],
    ["a signature in percent-escapes", `/${grant}/film/0.ts"seg%3D1796081940%2ETQkKL1sFdE389W3z2NKmeQ`],
    ["a query whose mark is escaped too", `/${grant}/film/0.ts%3Fseg%3D1796081940.TQkKL1sFdE389W3z2NKmeQ`],
    ["the credential of an origin in an alias", "/x/film/~/YTt2PTEvMC50cz90PWE6Yg.ts"],
  ])("hides %s", (_, target) => {
    const clean = withoutGrants(lineOf(target));
    for (const secret of [grant.slice(0, 60), grant.slice(1), "TQkKL1sFdE389W3z2NKmeQ", "YTt2PTEvMC50cz90PWE6Yg"])
      expect(clean).not.toContain(secret);
  });

  it("leaves other lines as they are", () => {
    const line =
      '2026/11/30 23:36:05 [emerg] 1#1: open() "/etc/stagedoor-nginx/nginx.conf" failed (2: No such file or directory)';
    expect(withoutGrants(line)).toBe(line);
  });
});
