import { describe, expect, it } from "vitest";
import { playerFamily, traitsOf } from "../../../src/http/request-traits.ts";

const chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

describe("the family of a player", () => {
  it.each([
    ["AppleCoreMedia/1.0.0.21F79 (iPhone; U; CPU OS 17_5 like Mac OS X; de_de)", "AVPlayer"],
    ["MyApp/2.1 (Linux;Android 15) AndroidXMedia3/1.8.0", "ExoPlayer"],
    ["Films/1.0 (Linux;Android 11) ExoPlayerLib/2.19.1", "ExoPlayer"],
    ["Roku/DVP-14.5 (14.5.4.5934-46)", "Roku"],
    [
      "Mozilla/5.0 (SMART-TV; Linux; Tizen 8.0) AppleWebKit/537.36 (KHTML, like Gecko) Version/8.0 TV Safari/537.36",
      "Tizen",
    ],
    ["VLC/3.0.21 LibVLC/3.0.21", "VLC"],
    ["Lavf/61.7.100", "ffmpeg"],
    ["mpv 0.39.0", "mpv"],
    [chrome, "Chrome"],
    [`${chrome} Edg/142.0.0.0`, "Microsoft Edge"],
    [
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
      "Safari",
    ],
    ["Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox"],
    ["<script>alert(1)</script>/1.0", "other"],
    ["x".repeat(100_000), "other"],
    ["", "none"],
    [null, "none"],
  ])("of %s is %s", (userAgent, family) => {
    expect(playerFamily(userAgent)).toBe(family);
    expect(playerFamily(userAgent)).toBe(family);
  });
});

describe("what is known of a request", () => {
  const requestFrom = (cf: object, headers: Readonly<Record<string, string>> = {}) =>
    Object.defineProperty(new Request("https://media.example/", { headers }), "cf", { value: cf });

  it("is the country and the network that the platform reports, and the player", () => {
    const request = requestFrom({ country: "DE", asn: 3320 }, { "User-Agent": chrome });
    expect(traitsOf(request, { development: false })).toEqual({ country: "DE", asn: 3320, player: "Chrome" });
  });

  it("has no network that is not a number, and none of a CDN in front", () => {
    expect(traitsOf(requestFrom({ asn: "3320" }), { development: false }).asn).toBeUndefined();
    const secret = "s".repeat(43);
    const cdn = requestFrom({ asn: 16509 }, { "Stagedoor-Edge-Secret": secret, "Stagedoor-Viewer": "192.0.2.7 DE" });
    expect(traitsOf(cdn, { development: false, edgeSecrets: [secret] })).toMatchObject({ country: "DE" });
    expect(traitsOf(cdn, { development: false, edgeSecrets: [secret] }).asn).toBeUndefined();
  });
});
