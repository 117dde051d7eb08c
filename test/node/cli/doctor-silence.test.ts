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

async function fine(override: Override, more: Partial<Live> = {}): Promise<readonly string[]> {
  const examined = await runChecks(liveChecks, await world(override, more));
  return examined.filter(({ findings }) => findings.length === 0).map(({ name }) => name);
}

describe("no check says that all is well", () => {
  it("where nobody answers at all", async () => {
    expect(await fine(() => "silent")).toEqual([]);
  });

  it("about hosts that do not answer, whatever the origins say", async () => {
    const mute: Override = ({ host }) => (/^(api|media)\./.test(host) ? "silent" : undefined);
    expect(await fine(mute, { token: undefined, bearer: undefined })).toEqual([
      "origins",
      "public buckets",
      "cloudfront",
    ]);
  });

  it("about refusals that caches might keep, where none came, though a stream plays", async () => {
    const mute: Override = ({ host, pathname }) =>
      host.startsWith("media.") && pathname.startsWith("/doctor/") ? "silent" : undefined;
    expect(await findingsOf([streamCheck], await world(mute))).toMatchObject([
      { id: "not_looked_at", about: "refusals of media.films.test" },
    ]);
  });

  it("about CloudFront where the catalog has no asset of its, or no key can be tried", async () => {
    expect(await findingsOf([cloudFrontCheck], await world(undefined, filmsAlone))).toMatchObject([
      { id: "not_looked_at", about: "CloudFront" },
    ]);
    expect(await findingsOf([cloudFrontCheck], await world(undefined, { ring: { keys: [] } }))).toMatchObject([
      { id: "not_looked_at", about: "the keys of d1.cloudfront.test" },
    ]);
  });

  it("about what the media host refuses, where another one answers or it refuses everything", async () => {
    for (const status of [404, 500]) {
      const strange: Override = ({ origin }) =>
        origin === mediaUrl ? problem(status, "configuration_invalid") : undefined;
      expect(await findingsOf([mediaCheck], await world(strange))).toMatchObject([
        { id: "not_looked_at", do: expect.stringContaining(String(status)) },
      ]);
    }
  });
});

describe("--api and --media that are swapped", () => {
  it("are said of both", async () => {
    const found = await findingsOf(liveChecks, await world(undefined, { apiUrl: mediaUrl, mediaUrl: apiUrl }));
    expect(found.filter(({ id }) => id === "hosts_swapped")).toMatchObject([
      { severity: "fault", about: `API ${mediaUrl}`, found: expect.stringContaining("The media host answers") },
      { severity: "fault", about: `media host ${apiUrl}`, found: expect.stringContaining("The API answers") },
    ]);
  });
});
