import { standingOf } from "../../../src/auth/request-credential.ts";
import type { Asset } from "../../../src/catalog/asset.ts";
import { type Configuration, readConfiguration } from "../../../src/config/configuration.ts";
import { type IdentityConfiguration, readIdentityConfiguration } from "../../../src/config/identity-configuration.ts";
import { environmentOf, type Facts, soundCatalog, workerOf } from "../facts.ts";
import { type Check, type Finding, notLookedAt, warning } from "../finding.ts";

/** Settings that are valid alone and conflict with each other, so that a viewer notices. */
export const settingsCheck: Check<Facts> = {
  name: "settings",
  held: "no two settings conflict",
  run: (facts) => {
    const [api, edge, identity] = [configurationOf("api", facts), configurationOf("edge", facts), identityOf(facts)];
    const assets = soundCatalog(facts)?.assets() ?? [];
    const unread = facts.workers.length > 0 && (api === undefined || edge === undefined);
    return [
      ...(unread ? [notLookedAt("settings", "Fix the configuration first.")] : []),
      ...(api === undefined ? [] : [...sessionFights(api, assets), ...rateFights(api), ...trustFights(api, assets)]),
      ...(edge === undefined ? [] : urlFights(edge)),
      ...(api === undefined || edge === undefined ? [] : limitFights(api, edge, assets)),
      ...(identity === undefined ? [] : identityFights(identity)),
      ...(facts.development ? [] : plainOrigins([api?.origins ?? [], identity?.origins ?? []].flat(), assets)),
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

/** Nothing outlives its session: a longer promise cannot be kept. */
function sessionFights(
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
            `The session ends after ${ttl} s, and a manifest URL lives for ${manifestTtl} s (STAGEDOOR_MANIFEST_TTL): a manifest that is opened late is refused (grant_expired).`,
            "Let a session last several times as long as a manifest URL, and at least as long as the film and its pauses.",
          ),
        ]
      : []),
    ...(pauseAllowance >= ttl
      ? [
          warning(
            "pause_outlives_session",
            about,
            `The session ends after ${ttl} s, and STAGEDOOR_PAUSE_ALLOWANCE allows a pause of ${pauseAllowance} s: a viewer who resumes after it gets grant_expired in the middle of the film.`,
            "Let a session last as long as the film and its pauses together, or allow a shorter pause.",
          ),
        ]
      : []),
  ]);
}

function urlFights({ renewal, pauseAllowance, expiryStep, revocationMaxAge }: Configuration): Finding[] {
  const found: Finding[] = [];
  if (renewal === "off")
    found.push(
      warning(
        "renewal_off",
        "STAGEDOOR_RENEWAL",
        `Nothing renews a segment's URL, so a viewer who pauses for more than ${pauseAllowance} s (STAGEDOOR_PAUSE_ALLOWANCE) gets 403 and has to start again.`,
        "Set it to redirect, or use the player helper and allow a pause as long as viewers pause.",
      ),
    );
  if (expiryStep > Math.max(60, pauseAllowance))
    found.push(
      warning(
        "step_outlasts_pause",
        "STAGEDOOR_EXPIRY_STEP",
        `Expiry times are rounded up by up to ${expiryStep} s, more than the allowed pause of ${pauseAllowance} s: a leaked URL opens its file for longer than configured.`,
        "Set it to 30, or at most to STAGEDOOR_PAUSE_ALLOWANCE.",
      ),
    );
  if (revocationMaxAge > 10)
    found.push(
      warning(
        "revocations_late",
        "STAGEDOOR_REVOCATION_MAX_AGE",
        `A session that is ended or signed out plays on for up to ${revocationMaxAge} s.`,
        "Set it to 2: the edge polls once a second for all viewers together, so it costs little more.",
      ),
    );
  return found;
}

function limitFights(api: Configuration, edge: Configuration, assets: readonly Asset[]): Finding[] {
  const limited = api.streamLimit !== undefined || assets.some(({ streams }) => streams !== undefined);
  const found: Finding[] = [];
  if (limited && (api.storeFailure === "open" || edge.storeFailure === "open"))
    found.push(
      warning(
        "store_open_with_limits",
        "STAGEDOOR_STORE_FAILURE",
        "It is open, and streams are limited: while the store is down, limits are not enforced and revoked sessions play on.",
        "Set it to closed, or accept that limits are not enforced during an outage.",
      ),
    );
  const least = Math.max(45, edge.expiryStep);
  if (limited && edge.leaseTtl < least)
    found.push(
      warning(
        "lease_too_short",
        "STAGEDOOR_LEASE_TTL",
        `A session without requests for ${edge.leaseTtl} s counts as over, but a player with a full buffer sends no requests for longer than that: its place is free for another stream, and the viewer exceeds the limit or loses the running stream (stream_taken).`,
        `Set it to 90 or more, and to no less than ${least}.`,
      ),
    );
  for (const { id, cdn, streams } of assets)
    if (cdn === "cloudfront-signed" && streams !== undefined)
      found.push(
        warning(
          "limit_not_on_cloudfront",
          `asset ${id}`,
          `Its \`streams\` is ${streams}, and its segments come from CloudFront, which checks no limit: a film counts as running for at most ${edge.leaseTtl} s after a playlist, so more than ${streams} can run.`,
          "Serve it from the edge (cdn: edge) to enforce the limit.",
        ),
      );
  return found;
}

function rateFights({ startRate, startRateAddress, signInRate, signInRateAddress }: Configuration): Finding[] {
  const pairs = [
    ["STAGEDOOR_START_RATE", startRate, startRateAddress, "start"],
    ["STAGEDOOR_SIGN_IN_RATE", signInRate, signInRateAddress, "sign in"],
  ] as const;
  return pairs.flatMap(([name, one, network, what]) =>
    network === undefined || (one !== undefined && one.quota <= network.quota)
      ? []
      : [
          warning(
            "rates_fight",
            name,
            `One viewer may ${what} ${one === undefined ? "any number of times" : `${one.quota} times`} an hour, and a whole network ${network.quota} times: one viewer locks out everybody else at the same address (rate_limited).`,
            `Set ${name}_ADDRESS to many times ${name}.`,
          ),
        ],
  );
}

/** Trusted origins with plain HTTP, whose pages anybody on the network path can change. */
function plainOrigins(trusted: readonly string[], assets: readonly Asset[]): Finding[] {
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
        `It trusts ${plain.join(", ")}: anybody on a viewer's network can change a page that comes over plain http, and any program on a viewer's device can serve one at localhost.`,
        "Use https. Keep http://localhost and http://tauri.localhost only for apps that cannot use https: Capacitor can with androidScheme https, Tauri with useHttpsScheme.",
      ),
    ];
  });
}

/** Hosts that serve files of origins: a page among those files must not be able to use the viewers' session cookie. */
function trustFights({ apiUrl, origins, mediaUrl }: Configuration, assets: readonly Asset[]): Finding[] {
  const hosts = new Map([[mediaUrl, "the media host"]]);
  for (const { id, cloudfront } of assets)
    if (cloudfront?.url !== undefined) hosts.set(cloudfront.url, `the distribution of asset ${id}`);
  return [...hosts].flatMap(([url, what]) =>
    standingOf(new URL(url).origin, { apiUrl, origins }) === "trusted"
      ? [
          warning(
            "media_host_trusted",
            "STAGEDOOR_ORIGINS",
            `It covers ${what} (${url}), where files of the origins are served: an HTML or SVG file there could use the session cookie of the viewer who opens it.`,
            "Name the sites one by one in STAGEDOOR_ORIGINS, or serve the media from a domain that it does not cover.",
          ),
        ]
      : [],
  );
}

function identityFights({ idle, accessTtl, refreshTtl }: IdentityConfiguration): Finding[] {
  const found: Finding[] = [];
  const lifetime = (name: string, told: string) =>
    found.push(warning("identity_lifetimes_fight", name, told, "Let a JWT last minutes, and both others days."));
  if (accessTtl > idle)
    lifetime(
      "STAGEDOOR_IDENTITY_ACCESS_TTL",
      `A JWT lasts ${accessTtl} s and the sign-in session that issued it ends after ${idle} s without use: it still starts films after the viewer is signed out.`,
    );
  if (accessTtl >= refreshTtl)
    lifetime(
      "STAGEDOOR_IDENTITY_REFRESH_TTL",
      `A refresh token expires after ${refreshTtl} s without use, no later than the JWT (${accessTtl} s) that it should renew: apps have to sign in again each time.`,
    );
  return found;
}
