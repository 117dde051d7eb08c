import { settingsSchema } from "../../../src/config/settings.ts";
import type { WorkerKind } from "../../lib/worker-files.ts";
import { environmentOf, type Facts } from "../facts.ts";
import { type Check, type Finding, fault, warning } from "../finding.ts";

type SharedSetting = Exclude<keyof typeof settingsSchema.shape, "STAGEDOOR_KEYS" | "STAGEDOOR_ISSUERS">;

/** Settings that several workers share, and what a viewer notices if they differ. */
const shared: readonly (readonly [
  setting: SharedSetting,
  workers: readonly WorkerKind[],
  consequence: string,
  severity?: "warning",
])[] = [
  [
    "STAGEDOOR_ENV",
    ["api", "edge", "manifest", "identity"],
    "development keys are accepted by some workers and refused by others",
  ],
  ["STAGEDOOR_MEDIA_URL", ["api", "edge", "manifest"], "players are sent to a host that does not answer"],
  ["STAGEDOOR_API_URL", ["api", "identity"], "sign-in sessions and their cookies are refused"],
  ["STAGEDOOR_ORIGINS", ["api", "identity"], "a site can start streams but not sign in, or the other way round"],
  ["STAGEDOOR_GRANT_ISSUER", ["api", "edge", "manifest"], "every URL is refused with grant_invalid"],
  ["STAGEDOOR_SESSION_TTL", ["api", "manifest"], "segment URLs expire before their sessions, or long after"],
  ["STAGEDOOR_PAUSE_ALLOWANCE", ["edge", "manifest"], "a renewed URL has another lifetime than the first"],
  [
    "STAGEDOOR_EXPIRY_STEP",
    ["edge", "manifest"],
    "renewed URLs differ from the playlist's, so players load files twice",
  ],
  [
    "STAGEDOOR_ORIGIN_SECRETS",
    ["api", "edge", "manifest"],
    "an asset starts and its files are refused, or its playlists load and its segments do not",
  ],
  ["STAGEDOOR_RENEWAL", ["api", "edge"], "a player expects renewal where URLs are refused"],
  ["STAGEDOOR_REVOCATION_MAX_AGE", ["api", "edge"], "an ended session continues at one of them"],
  [
    "STAGEDOOR_LEASE_TTL",
    ["edge", "manifest"],
    "the console and /metrics show sessions as running for another time than their leases last",
    "warning",
  ],
  ["STAGEDOOR_STORE_FAILURE", ["api", "edge"], "a start is accepted and its film refused, or the other way round"],
];

/** Whether the workers agree on the settings that they share. */
export const agreementCheck: Check<Facts> = {
  name: "agreement",
  held: "the workers agree on their shared settings",
  run: (facts) => [...shared.flatMap((entry) => differing(entry, facts)), ...oneHost(facts)],
};

function differing([setting, kinds, consequence, severity]: (typeof shared)[number], facts: Facts): Finding[] {
  const workers = facts.workers.filter(({ worker }) => kinds.includes(worker));
  const values = workers.map((worker) => {
    const parsed = settingsSchema.shape[setting].safeParse(environmentOf(worker, facts)[setting]);
    // The configuration check reports invalid values.
    return { file: worker.file, value: parsed.success ? text(parsed.data) : undefined };
  });
  const sound = values.filter(({ value }) => value !== undefined);
  if (new Set(sound.map(({ value }) => value)).size < 2) return [];
  const listed = sound.map(({ file, value }) => `${value} in ${file}`).join(", ");
  return [
    (severity === "warning" ? warning : fault)(
      "settings_differ",
      setting,
      `It is ${listed}: ${consequence}.`,
      `Give it the same value in ${workers.map(({ file }) => file).join(", ")}.`,
    ),
  ];
}

function text(value: unknown): string {
  if (value === undefined) return "not set";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Only one worker answers at an address, so the other gets no requests; and cookies of the API would go to the media host. */
function oneHost(facts: Facts): Finding[] {
  const api = facts.workers.find(({ worker }) => worker === "api");
  if (api === undefined) return [];
  const { STAGEDOOR_API_URL: apiUrl, STAGEDOOR_MEDIA_URL: mediaUrl } = environmentOf(api, facts);
  if (apiUrl === undefined || apiUrl !== mediaUrl) return [];
  return [
    fault(
      "hosts_are_one",
      "STAGEDOOR_API_URL",
      "The API and the media host have the same address: one of the two workers gets no requests.",
      "Give each a host name of its own.",
    ),
  ];
}
