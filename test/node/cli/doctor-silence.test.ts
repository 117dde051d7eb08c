import { describe, expect, it } from "vitest";
import { liveChecks, runChecks } from "../../../cli/doctor/doctor.ts";
import { cloudFrontCheck } from "../../../cli/doctor/live/cloudfront.ts";
import type { Live } from "../../../cli/doctor/live/live.ts";
import { mediaCheck } from "../../../cli/doctor/live/media.ts";
import { streamCheck } from "../../../cli/doctor/live/stream.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { apiUrl, films, findingsOf, mediaUrl } from "./doctor-stage.ts";
import { type Override, problem, world } from "./doctor-world.ts";

const only = parseCatalog({ version: 1, assets: [films] });
const filmsAlone = { catalog: only.ok ? only.value : undefined };

async function passedChecks(override: Override, more: Partial<Live> = {}): Promise<readonly string[]> {
  const examined = await runChecks(liveChecks, await world(override, more));
  return examined.filter(({ findings }) => findings.length === 0).map(({ name }) => name);
}

describe("no check passes", () => {
  it("if no host answers", async () => {
    expect(await passedChecks(() => "silent")).toEqual([]);
  });

  it("for hosts that do not answer, whatever the origins do", async () => {
    const mute: Override = ({ host }) => (/^(api|media)\./.test(host) ? "silent" : undefined);
    expect(await passedChecks(mute, { token: undefined, bearer: undefined })).toEqual([
      "origins",
      "public buckets",
      "cloudfront",
    ]);
  });

  it("for cacheable refusals if no refusal came, even if a stream plays", async () => {
    const mute: Override = ({ host, pathname }) =>
      host.startsWith("media.") && pathname.startsWith("/doctor/") ? "silent" : undefined;
    expect(await findingsOf([streamCheck], await world(mute))).toMatchObject([
      { id: "not_looked_at", about: "refusals of media.films.test" },
    ]);
  });

  it("for CloudFront if the catalog has no CloudFront asset, or no key can be tried", async () => {
    expect(await findingsOf([cloudFrontCheck], await world(undefined, filmsAlone))).toMatchObject([
      { id: "not_looked_at", about: "CloudFront" },
    ]);
    expect(await findingsOf([cloudFrontCheck], await world(undefined, { ring: { keys: [] } }))).toMatchObject([
      { id: "not_looked_at", about: "the keys of d1.cloudfront.test" },
    ]);
  });

  it("for the media host's refusals if another host answers, or everything is refused", async () => {
    for (const status of [404, 500]) {
      const strange: Override = ({ origin }) =>
        origin === mediaUrl ? problem(status, "configuration_invalid") : undefined;
      expect(await findingsOf([mediaCheck], await world(strange))).toMatchObject([
        { id: "not_looked_at", do: expect.stringContaining(String(status)) },
      ]);
    }
  });
});

describe("swapped --api and --media", () => {
  it("are reported for both hosts", async () => {
    const findings = await findingsOf(liveChecks, await world(undefined, { apiUrl: mediaUrl, mediaUrl: apiUrl }));
    expect(findings.filter(({ id }) => id === "hosts_swapped")).toMatchObject([
      { severity: "fault", about: `API ${mediaUrl}`, found: expect.stringContaining("The media host answers") },
      { severity: "fault", about: `media host ${apiUrl}`, found: expect.stringContaining("The API answers") },
    ]);
  });
});
