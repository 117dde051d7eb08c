import { randomBytes } from "node:crypto";
import {
  isAlias,
  isPlain,
  mediaPlaceOf,
  type OriginFile,
  originFileOf,
  sentPath,
  sentQuery,
} from "../../src/base/alias.ts";
import { canonicalPathText } from "../../src/base/canonical-path.ts";
import { type MediaPurpose, mediaPurposes } from "../../src/base/constants.ts";
import { encodeBase64url } from "../../src/base/encoding.ts";
import { after, earlier, isUnixSeconds, rfc3339, seconds, systemClock, type UnixSeconds } from "../../src/base/time.ts";
import type { Asset } from "../../src/catalog/asset.ts";
import type { Catalog } from "../../src/catalog/catalog.ts";
import { isBound } from "../../src/edge/check-media-request.ts";
import { type KeyRing, signingKey } from "../../src/keys/ring.ts";
import { cloudFrontSign, oneShotHmac } from "../../src/platform/node/node-crypto.ts";
import { subjectHash } from "../../src/sessions/identifiers.ts";
import { cloudFrontSigners } from "../../src/signing/cloudfront/asset-signers.ts";
import { mintGrant } from "../../src/signing/grant.ts";
import { signedQuery } from "../../src/signing/media-url.ts";
import { macFor, prepareSessionKeys } from "../../src/signing/session-keys.ts";
import { type Answered, type Command, endFailed, endMisused, failed, type Given, good } from "../lib/command.ts";
import { catalogOption, readCatalog, readRing, ringOption } from "../lib/files.ts";
import { readDuration } from "../lib/text.ts";
import { grantIssuer, mediaUrlOf, mediaUrlOption } from "./explain.ts";

/** Who the sessions are for that nobody's bearer token opened. */
const operatorIssuer = "stagedoor-cli";

export const signCommand: Command = {
  name: "sign",
  summary: "sign a URL of the media host, for an operator's curl",
  operands: ["<path>"],
  options: {
    ...ringOption,
    ...catalogOption,
    ...mediaUrlOption,
    asset: { type: "string" },
    purpose: { type: "string" },
    "expires-in": { type: "string" },
    "session-expires-in": { type: "string" },
    subject: { type: "string" },
  },
  help: `Signs one URL, as the service would: /<asset id>/<file>, with the origin's own query behind it where it has one. A
file whose path or query is not canonical gets an alias; an alias out of a playlist is signed as it is.
Playlists and files of the edge get a session of their own; files of a CloudFront asset get a CloudFront URL with a
canned policy.

  --asset <id>                 the path is relative to this asset
  --purpose <purpose>          playlist, segment (any other file) or key; by the file's ending where it is left out
  --expires-in <time>          how long the URL lasts: 900, 15m, 8h (5m)
  --session-expires-in <time>  how long the session lasts (the asset's own, or 6h)
  --subject <text>             the session's subject; the URL carries a keyed hash of it (operator)
  --media-url <url>            the media host's URL (http://localhost:8788)
  --ring <file>                the key ring (.stagedoor/keys.json of the project)
  --catalog <file>             the catalog (fixtures/catalog.json of the project)

  curl -s "$(npx stagedoor sign /vod-ts/index.m3u8)"`,
  run: async (given) => {
    const catalog = readCatalog(given);
    const file = readFile(given, catalog);
    const now = systemClock();
    const lifetime = readDuration("expires-in", given.one("expires-in") ?? "5m");
    const sessionLifetime = given.one("session-expires-in");
    const sessionEnd = after(
      now,
      sessionLifetime === undefined
        ? (file.asset.session ?? seconds(21_600))
        : readDuration("session-expires-in", sessionLifetime),
    );
    const context = {
      now,
      expiry: after(now, lifetime),
      sessionEnd,
      mediaUrl: mediaUrlOf(given),
      subject: given.one("subject") ?? "operator",
    };
    const ring = await readRing(given);
    return file.asset.cdn === "cloudfront-signed" && file.purpose !== "playlist"
      ? signForCloudFront(file, ring, context)
      : signForMediaHost(file, ring, context);
  },
};

interface File {
  readonly asset: Asset;
  readonly purpose: MediaPurpose;
  /** On the media host. */
  readonly path: string;
  readonly query: string;
  /** At the origin, below its prefix. */
  readonly own: OriginFile;
}

interface Context {
  readonly now: UnixSeconds;
  readonly expiry: UnixSeconds;
  readonly sessionEnd: UnixSeconds;
  readonly mediaUrl: string;
  readonly subject: string;
}

async function signForMediaHost(file: File, ring: KeyRing, context: Context): Promise<Answered> {
  const { asset, purpose, path, query } = file;
  const keys = await prepareSessionKeys(ring, oneShotHmac);
  const key = signingKey(keys.values(), context.now);
  if (key === undefined)
    return failed(
      "No session key is in use now: see `npx stagedoor keys list`, and make one with `npx stagedoor keys new --purpose session --nbf now`.",
    );
  // A grant is worth nothing once its key has ended, and a URL nothing once its grant has.
  const sessionEnd = isUnixSeconds(key.exp) ? earlier(context.sessionEnd, key.exp) : context.sessionEnd;
  const expiry = earlier(context.expiry, sessionEnd);
  const sessionId = encodeBase64url(randomBytes(16));
  const grant = mintGrant(
    {
      issuer: grantIssuer(),
      subject: subjectHash(key, operatorIssuer, context.subject),
      sessionId,
      prefix: `/${asset.id}/`,
      issuedAt: context.now,
      expiresAt: sessionEnd,
    },
    key,
  );
  const mac = macFor(key, purpose, isBound(purpose, asset) ? grant : undefined);
  const signed = signedQuery(mac, purpose, { path, query, expiry });
  const url = `${context.mediaUrl}/${grant}${path}?${signed}`;
  const times = { expiresAt: rfc3339(expiry), sessionExpiresAt: rfc3339(sessionEnd) };
  return good(url, { url, cdn: "edge", asset: asset.id, purpose, path, sessionId, kid: key.kid, ...times });
}

function signForCloudFront({ asset, purpose, own }: File, ring: KeyRing, context: Context): Answered {
  const { expiry, mediaUrl } = context;
  if (asset.cloudfront === undefined) return failed(`The asset ${asset.id} has no cloudfront settings.`);
  const signers = cloudFrontSigners(
    ring,
    mediaUrl,
    () => context.now,
    (key, hash) => cloudFrontSign({ ...key }, hash),
  );
  const signer = signers(asset.cloudfront);
  if (!signer.ok) return failed(`The asset ${asset.id} cannot be signed for: ${signer.refusal.reason}.`);
  const kid = signer.value.keyPairId;
  const { query } = own;
  const path = `/${asset.id}/${own.path}`;
  const url = isPlain(own)
    ? signer.value.file(path, query, { expires: expiry })
    : signer.value.exact({ path, query }, expiry);
  if (!url.ok) return failed(`The path cannot be signed for CloudFront: ${url.refusal.reason}.`);
  const json = {
    url: url.value,
    cdn: "cloudfront-signed",
    asset: asset.id,
    purpose,
    path,
    kid,
    expiresAt: rfc3339(expiry),
  };
  return good(url.value, json);
}

function readFile(given: Given, catalog: Catalog): File {
  const [text = ""] = given.operands;
  const id = given.one("asset");
  if (text.includes("://")) endMisused("Give only the path, such as /vod-ts/index.m3u8; --media-url names the host.");
  const mark = text.indexOf("?");
  const relative = (mark < 0 ? text : text.slice(0, mark)).replace(/^\//, "");
  const slash = id === undefined ? relative.indexOf("/") : -1;
  const asset = catalog.asset(id ?? relative.slice(0, Math.max(slash, 0)));
  if (asset === undefined)
    return endFailed("The catalog has no asset for this path. `npx stagedoor assets list` names them.");
  const rest = relative.slice(slash + 1);
  if (rest === "" || rest.endsWith("/")) endFailed(`Name a file of the asset, such as /${asset.id}/${asset.entry}.`);
  const query = sentQuery(mark < 0 ? "" : text.slice(mark + 1));
  const spelled = canonicalPathText(rest);
  const known = isAlias(rest) ? originFileOf({ path: rest, query }) : undefined;
  const own = known?.ok ? known.value : { path: spelled.ok ? spelled.value : sentPath(rest), query };
  const place = mediaPlaceOf(own);
  if (!place.ok) return endFailed(`The path cannot be signed: ${place.refusal.reason}.`);
  const path = `/${asset.id}/${place.value.path}`;
  return { asset, path, query: place.value.query, purpose: purposeOf(given.one("purpose"), path), own };
}

function purposeOf(named: string | undefined, path: string): MediaPurpose {
  if (named === undefined) return /\.m3u8?$/i.test(path) ? "playlist" : path.endsWith(".key") ? "key" : "segment";
  return mediaPurposes.find((purpose) => purpose === named) ?? endMisused("--purpose takes playlist, segment or key.");
}
