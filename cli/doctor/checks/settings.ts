import { originTrust } from "../../../src/auth/request-credential.ts";
import type { Asset } from "../../../src/catalog/asset.ts";
import { type Configuration, readConfiguration } from "../../../src/config/configuration.ts";
import { type IdentityConfiguration, readIdentityConfiguration } from "../../../src/config/identity-configuration.ts";
import { environmentOf, type Facts, validCatalog, workerOf } from "../facts.ts";
import { type Check, type Finding, notChecked, warning } from "../finding.ts";

/** Settings that are valid alone, but conflict in a way that a viewer notices. */
export const settingsCheck: Check<Facts> = {
  name: "settings",
  passed: "no two settings conflict",
  run: (facts) => {
    const [api, edge, identity] = [configurationOf("api", facts), configurationOf("edge", facts), identityOf(facts)];
    const assets = validCatalog(facts)?.assets() ?? [];
    const unread = facts.workers.length > 0 && (api === undefined || edge === undefined);
    return [
      ...(unread ? [notChecked("settings", "Fix the configuration first.")] : []),
      ...(api === undefined
        ? []
        : [...sessionFindings(api, assets), ...rateFindings(api), ...trustFindings(api, assets)]),
      ...(edge === undefined ? [] : urlFindings(edge)),
      ...(api === undefined || edge === undefined ? [] : limitFindings(api, edge, assets)),
      ...(identity === undefined ? [] : identityFindings(identity)),
      ...(facts.development ? [] : plainHttpFindings([api?.origins ?? [], identity?.origins ?? []].flat(), assets)),
    ];
  },
};

function configurationOf(kind: "api" | "edge", facts: Facts): Configuration | undefined {
  const worker = workerOf(facts, kind);
  const read = worker === undefined ? undefined : readConfiguration(environmentOf(worker, facts));
  return read?.ok === true ? read.value : undefined;
}

function identityOf(facts: Facts): IdentityConfiguration | undefined {
  const worker = workerOf(facts, "identity");
  const read = worker === undefined ? undefined : readIdentityConfiguration(environmentOf(worker, facts));
  return read?.ok === true ? read.value : undefined;
}

/** Manifest URLs and pauses that last longer than their session. */
function sessionFindings(
  { manifestTtl, sessionTtl, pauseAllowance }: Configuration,
  assets: readonly Asset[],
): Finding[] {
  const sessions = [
    { about: "STAGEDOOR_SESSION_TTL", ttl: sessionTtl },
    ...assets.flatMap(({ id, session }) => (session === undefined ? [] : [{ about: `asset ${id}`, ttl: session }])),
  ];
  return sessions.flatMap(({ about, ttl }) => [
    ...(manifestTtl >= ttl
      ? [
          warning(
            "manifest_outlives_session",
            about,
            `The session expires after ${ttl} s, and a manifest URL after ${manifestTtl} s (STAGEDOOR_MANIFEST_TTL): a manifest that is opened late is refused (grant_expired).`,
            "Make a session last several times as long as a manifest URL, and at least as long as the film and its pauses.",
          ),
        ]
      : []),
    ...(pauseAllowance >= ttl
      ? [
          warning(
            "pause_outlives_session",
            about,
            `The session expires after ${ttl} s, and STAGEDOOR_PAUSE_ALLOWANCE allows a pause of ${pauseAllowance} s: a viewer who resumes after it gets grant_expired in the middle of the film.`,
            "Make a session last as long as the film and its pauses together, or allow a shorter pause.",
          ),
        ]
      : []),
  ]);
}

function urlFindings({ renewal, pauseAllowance, expiryStep, revocationMaxAge }: Configuration): Finding[] {
  const findings: Finding[] = [];
  if (renewal === "off")
    findings.push(
      warning(
        "renewal_off",
        "STAGEDOOR_RENEWAL",
        `It is off, so expired segment URLs are not renewed: a viewer who pauses for more than ${pauseAllowance} s (STAGEDOOR_PAUSE_ALLOWANCE) gets 403 and has to start again.`,
        "Set it to redirect, or use the player helper and set STAGEDOOR_PAUSE_ALLOWANCE to the longest pause.",
      ),
    );
  if (expiryStep > Math.max(60, pauseAllowance))
    findings.push(
      warning(
        "step_outlasts_pause",
        "STAGEDOOR_EXPIRY_STEP",
        `Expiry times are rounded up by up to ${expiryStep} s, more than the allowed pause of ${pauseAllowance} s: a leaked URL stays valid for longer than configured.`,
        "Set it to 30, or at most to STAGEDOOR_PAUSE_ALLOWANCE.",
      ),
    );
  if (revocationMaxAge > 10)
    findings.push(
      warning(
        "revocations_late",
        "STAGEDOOR_REVOCATION_MAX_AGE",
        `A revoked or signed-out session continues for up to ${revocationMaxAge} s.`,
        "Set it to 2: the edge polls once a second for all viewers together, so a lower value costs little more.",
      ),
    );
  return findings;
}

function limitFindings(api: Configuration, edge: Configuration, assets: readonly Asset[]): Finding[] {
  const limited = api.streamLimit !== undefined || assets.some(({ streams }) => streams !== undefined);
  const findings: Finding[] = [];
  if (limited && (api.storeFailure === "open" || edge.storeFailure === "open"))
    findings.push(
      warning(
        "store_open_with_limits",
        "STAGEDOOR_STORE_FAILURE",
        "It is open, and streams are limited: while the store is down, limits are not enforced and revoked sessions continue.",
        "Set it to closed, or accept that limits are not enforced during an outage.",
      ),
    );
  const minimum = Math.max(45, edge.expiryStep);
  if (limited && edge.leaseTtl < minimum)
    findings.push(
      warning(
        "lease_too_short",
        "STAGEDOOR_LEASE_TTL",
        `A session counts as ended after ${edge.leaseTtl} s without requests, but a player with a full buffer can be silent for longer: another stream takes its place, and the viewer exceeds the limit or loses the running stream (stream_taken).`,
        `Set it to 90 or more, and at least to ${minimum}.`,
      ),
    );
  for (const { id, cdn, streams } of assets)
    if (cdn === "cloudfront-signed" && streams !== undefined)
      findings.push(
        warning(
          "limit_not_on_cloudfront",
          `asset ${id}`,
          `Its \`streams\` is ${streams}, and its segments come from CloudFront, which enforces no limit: a film counts as running for at most ${edge.leaseTtl} s after a playlist, so more than ${streams} can run.`,
          "Serve it from the edge (cdn: edge) to enforce the limit.",
        ),
      );
  return findings;
}

function rateFindings({ startRate, startRateAddress, signInRate, signInRateAddress }: Configuration): Finding[] {
  const pairs = [
    ["STAGEDOOR_START_RATE", startRate, startRateAddress, "start"],
    ["STAGEDOOR_SIGN_IN_RATE", signInRate, signInRateAddress, "sign in"],
  ] as const;
  return pairs.flatMap(([name, viewer, network, action]) =>
    network === undefined || (viewer !== undefined && viewer.quota <= network.quota)
      ? []
      : [
          warning(
            "rates_fight",
            name,
            `One viewer may ${action} ${viewer === undefined ? "any number of times" : `${viewer.quota} times`} an hour, and a whole network ${network.quota} times: one viewer can lock out all others at the same address (rate_limited).`,
            `Set ${name}_ADDRESS to many times ${name}.`,
          ),
        ],
  );
}

/** Trusted origins with plain HTTP: anyone on the network path can change their pages. */
function plainHttpFindings(trusted: readonly string[], assets: readonly Asset[]): Finding[] {
  const lists = [
    { about: "STAGEDOOR_ORIGINS", origins: trusted },
    ...assets.map(({ id, origins = [] }) => ({ about: `asset ${id}`, origins })),
  ];
  return lists.flatMap(({ about, origins }) => {
    const plain = [...new Set(origins.filter((origin) => origin.startsWith("http:")))];
    if (plain.length === 0) return [];
    return [
      warning(
        "origin_plain_http",
        about,
        `It trusts ${plain.join(", ")}: anyone on a viewer's network can change a page that is loaded over plain http, and any program on a viewer's device can serve one at localhost.`,
        "Use https. Keep http://localhost and http://tauri.localhost only for apps that cannot use https: Capacitor can with androidScheme https, Tauri with useHttpsScheme.",
      ),
    ];
  });
}

/** Trusted hosts that serve files of origins: a page among those files could use a viewer's session cookie. */
function trustFindings({ apiUrl, origins, mediaUrl }: Configuration, assets: readonly Asset[]): Finding[] {
  const hosts = new Map([[mediaUrl, "the media host"]]);
  for (const { id, cloudfront } of assets)
    if (cloudfront?.url !== undefined) hosts.set(cloudfront.url, `the distribution of asset ${id}`);
  return [...hosts].flatMap(([url, host]) =>
    originTrust(new URL(url).origin, { apiUrl, origins }) === "trusted"
      ? [
          warning(
            "media_host_trusted",
            "STAGEDOOR_ORIGINS",
            `It covers ${host} (${url}), which serves files of the origins: an HTML or SVG file there could use the session cookie of the viewer who opens it.`,
            "Name the sites one by one in STAGEDOOR_ORIGINS, or serve the media from a domain that it does not cover.",
          ),
        ]
      : [],
  );
}

function identityFindings({ idle, accessTtl, refreshTtl }: IdentityConfiguration): Finding[] {
  const findings: Finding[] = [];
  const addFinding = (name: string, found: string) =>
    findings.push(
      warning(
        "identity_lifetimes_fight",
        name,
        found,
        "Use minutes for a JWT, and days for the session and the refresh token.",
      ),
    );
  if (accessTtl > idle)
    addFinding(
      "STAGEDOOR_IDENTITY_ACCESS_TTL",
      `A JWT lasts ${accessTtl} s, and its sign-in session expires after ${idle} s without use: the JWT still starts films after that.`,
    );
  if (accessTtl >= refreshTtl)
    addFinding(
      "STAGEDOOR_IDENTITY_REFRESH_TTL",
      `A refresh token expires after ${refreshTtl} s without use, no later than the JWT (${accessTtl} s) that it renews: apps have to sign in again each time.`,
    );
  return findings;
}
