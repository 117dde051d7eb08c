import { settingReaders } from "../../../src/config/setting-readers.ts";
import { settingsSchema } from "../../../src/config/settings.ts";
import { environmentOf, type Facts } from "../facts.ts";
import { type Check, type Finding, fault, warning } from "../finding.ts";

type SharedSetting = Exclude<keyof typeof settingsSchema.shape, "STAGEDOOR_KEYS" | "STAGEDOOR_ISSUERS">;

/** The settings that several workers read, and what a viewer notices if the values differ. */
const shared: readonly (readonly [setting: SharedSetting, consequence: string, severity?: "warning"])[] = [
  ["STAGEDOOR_ENV", "development keys are accepted by some workers and refused by others"],
  ["STAGEDOOR_MEDIA_URL", "players are sent to a host that does not answer"],
  ["STAGEDOOR_API_URL", "sign-in sessions and their cookies are refused"],
  ["STAGEDOOR_ORIGINS", "a site can start streams but not sign in, or the other way round"],
  ["STAGEDOOR_GRANT_ISSUER", "every URL is refused with grant_invalid"],
  ["STAGEDOOR_SESSION_TTL", "segment URLs expire before their sessions, or long after"],
  ["STAGEDOOR_PAUSE_ALLOWANCE", "a renewed URL has another lifetime than the first"],
  ["STAGEDOOR_EXPIRY_STEP", "renewed URLs differ from the playlist's, so players load files twice"],
  [
    "STAGEDOOR_ORIGIN_SECRETS",
    "an asset starts and its files are refused, or its playlists load and its segments do not",
  ],
  ["STAGEDOOR_RENEWAL", "a player expects renewal where URLs are refused"],
  ["STAGEDOOR_REVOCATION_MAX_AGE", "an ended session continues at one of them"],
  [
    "STAGEDOOR_LEASE_TTL",
    "the console and /metrics show sessions as running for another time than their leases last",
    "warning",
  ],
  ["STAGEDOOR_STORE_FAILURE", "a start is accepted and its film refused, or the other way round"],
];

/** Whether the workers agree on the settings that they share. */
export const agreementCheck: Check<Facts> = {
  name: "agreement",
  passed: "the workers agree on their shared settings",
  run: (facts) => [...shared.flatMap((entry) => differenceFindings(entry, facts)), ...hostFindings(facts)],
};

function differenceFindings([setting, consequence, severity]: (typeof shared)[number], facts: Facts): Finding[] {
  const readers = settingReaders[setting].workers;
  const workers = facts.workers.filter(({ worker }) => readers.includes(worker));
  const values = workers.map((worker) => {
    const parsed = settingsSchema.shape[setting].safeParse(environmentOf(worker, facts)[setting]);
    // The configuration check reports invalid values.
    return { file: worker.file, value: parsed.success ? textOf(parsed.data) : undefined };
  });
  const valid = values.filter(({ value }) => value !== undefined);
  if (new Set(valid.map(({ value }) => value)).size < 2) return [];
  const listed = valid.map(({ file, value }) => `${value} in ${file}`).join(", ");
  return [
    (severity === "warning" ? warning : fault)(
      "settings_differ",
      setting,
      `It is ${listed}: ${consequence}.`,
      `Give it the same value in ${workers.map(({ file }) => file).join(", ")}.`,
    ),
  ];
}

function textOf(value: unknown): string {
  if (value === undefined) return "not set";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Only one worker can answer at an address. Besides, the API's cookies would be sent to the media host. */
function hostFindings(facts: Facts): Finding[] {
  const api = facts.workers.find(({ worker }) => worker === "api");
  if (api === undefined) return [];
  const { STAGEDOOR_API_URL: apiUrl, STAGEDOOR_MEDIA_URL: mediaUrl } = environmentOf(api, facts);
  if (apiUrl === undefined || apiUrl !== mediaUrl) return [];
  return [
    fault(
      "hosts_are_one",
      "STAGEDOOR_API_URL",
      `STAGEDOOR_API_URL and STAGEDOOR_MEDIA_URL are both ${String(apiUrl)}: one of the two workers gets no requests.`,
      "Give each a host name of its own.",
    ),
  ];
}
