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
import { type MediaPurpose, mediaPurposes } from "../../src/base/media-purpose.ts";
import { after, earlier, isUnixSeconds, rfc3339, seconds, systemClock, type UnixSeconds } from "../../src/base/time.ts";
import type { Asset } from "../../src/catalog/asset.ts";
import type { Catalog } from "../../src/catalog/catalog.ts";
import { isAllowedFile } from "../../src/catalog/file-globs.ts";
import { type KeyRing, signingKey } from "../../src/keys/ring.ts";
import { cloudFrontSign, oneShotHmac } from "../../src/platform/node/node-crypto.ts";
import { cloudFrontSigners } from "../../src/signing/cloudfront/asset-signers.ts";
import { prepareSessionKeys } from "../../src/signing/session-keys.ts";
import {
  type Args,
  type Command,
  type Completed,
  endFailed,
  endInvalid,
  endMisused,
  failed,
  shownWord,
  succeeded,
} from "../lib/command.ts";
import { catalogFileOf, catalogOption, readCatalog, readRing, ringOption, shortName } from "../lib/files.ts";
import { defaultCatalogName } from "../lib/project.ts";
import { cliIssuer, grantIssuer, signMediaUrl } from "../lib/sign-media-url.ts";
import { closest } from "../lib/suggest.ts";
import { readDuration } from "../lib/text.ts";
import { mediaUrlOf, mediaUrlOption } from "./explain.ts";

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
  help: `Signs one URL as the service does. <path> is /<asset id>/<file>, with the query that the origin requires, if any. A file
whose path or query is not canonical gets an alias; an alias from a playlist is signed unchanged. A playlist, and any file
of an edge asset, gets a URL with a new session; other files of a CloudFront asset get a CloudFront URL with a canned policy.

  --asset <id>                 the path is relative to this asset
  --purpose <purpose>          playlist, segment (any other file), key, or file for a URL as POST /files answers it, of a file
                               that the asset's files allow (default: by the file's extension, never file)
  --expires-in <time>          the lifetime of the URL: 900, 15m, 8h (5m)
  --session-expires-in <time>  the lifetime of the session (that of the asset, or 6h)
  --subject <text>             the session's subject; the URL contains a keyed hash of it (operator)
  --media-url <url>            the media host's URL (http://localhost:8788)
  --ring <file>                the key ring (.stagedoor/keys.json of the project)
  --catalog <file>             the catalog (${defaultCatalogName})

  curl -s "$(npx stagedoor sign /vod-ts/index.m3u8)"`,
  run: async (args) => {
    const catalog = readCatalog(args);
    const file = readFile(args, catalog);
    const now = systemClock();
    const lifetime = readDuration("expires-in", args.value("expires-in") ?? "5m");
    const sessionLifetime = args.value("session-expires-in");
    const sessionExpiresAt = after(
      now,
      sessionLifetime === undefined
        ? (file.asset.session ?? seconds(21_600))
        : readDuration("session-expires-in", sessionLifetime),
    );
    const context = {
      now,
      expiresAt: after(now, lifetime),
      sessionExpiresAt,
      mediaUrl: mediaUrlOf(args),
      subject: subjectOf(args),
    };
    const ring = await readRing(args);
    const signed =
      file.asset.cdn === "cloudfront-signed" && file.purpose !== "playlist"
        ? signForCloudFront(file, ring, context)
        : await signForMediaHost(file, ring, context);
    return signed.exit === 0 ? { ...signed, note: repeatedNote(args, file) } : signed;
  },
};

function subjectOf(args: Args): string {
  const subject = args.value("subject") ?? "operator";
  return subject === "" ? endMisused("--subject must not be empty: omit it, or name the viewer.") : subject;
}

interface File {
  readonly asset: Asset;
  readonly purpose: MediaPurpose;
  /** The path and query on the media host. */
  readonly path: string;
  readonly query: string;
  /** The path below the origin's prefix, and the query at the origin. */
  readonly originFile: OriginFile;
}

interface Context {
  readonly now: UnixSeconds;
  readonly expiresAt: UnixSeconds;
  readonly sessionExpiresAt: UnixSeconds;
  readonly mediaUrl: string;
  readonly subject: string;
}

/** With --asset the path begins below the asset, so `--asset film /film/0.ts` names `film/0.ts` in it. */
function repeatedNote(args: Args, { asset, path }: File): string | undefined {
  if (args.value("asset") === undefined || !path.startsWith(`/${asset.id}/${asset.id}/`)) return undefined;
  return `The URL is for ${path}, because with --asset the path begins below the asset: omit ${asset.id}/ or --asset if you mean ${path.slice(asset.id.length + 1)}.`;
}

async function signForMediaHost(file: File, ring: KeyRing, context: Context): Promise<Completed> {
  const { asset, purpose, path } = file;
  const { now, mediaUrl } = context;
  const keys = await prepareSessionKeys(ring, oneShotHmac);
  const key = signingKey(keys.values(), now);
  if (key === undefined)
    return failed(
      "No session key signs now. `npx stagedoor keys list` lists the keys, and `npx stagedoor keys new --purpose session --nbf now` makes one.",
    );
  // A grant is not accepted after its key expires, nor a URL after its grant.
  const sessionExpiresAt = isUnixSeconds(key.exp)
    ? earlier(context.sessionExpiresAt, key.exp)
    : context.sessionExpiresAt;
  const expiresAt = earlier(context.expiresAt, sessionExpiresAt);
  const subject = { issuer: cliIssuer, name: context.subject };
  const { url, sessionId } = signMediaUrl(key, file, {
    ...{ mediaUrl, grantIssuer: grantIssuer(), subject },
    ...{ now, expiresAt, sessionExpiresAt },
  });
  const times = { expiresAt: rfc3339(expiresAt), sessionExpiresAt: rfc3339(sessionExpiresAt) };
  return succeeded(url, { url, cdn: "edge", asset: asset.id, purpose, path, sessionId, kid: key.kid, ...times });
}

function signForCloudFront({ asset, purpose, originFile }: File, ring: KeyRing, context: Context): Completed {
  const { expiresAt, mediaUrl } = context;
  if (asset.cloudfront === undefined) return failed(`The asset ${asset.id} has no member cloudfront in the catalog.`);
  const signers = cloudFrontSigners(
    ring,
    mediaUrl,
    () => context.now,
    (key, hash) => cloudFrontSign({ ...key }, hash),
  );
  const signer = signers(asset.cloudfront);
  if (!signer.ok) return failed(`No key can sign for the asset ${asset.id}: ${signer.refusal.reason}.`);
  const kid = signer.value.keyPairId;
  const { query } = originFile;
  const path = `/${asset.id}/${originFile.path}`;
  const url = isPlain(originFile)
    ? signer.value.file(path, query, { expires: expiresAt })
    : signer.value.exact({ path, query }, expiresAt);
  if (!url.ok) return failed(`The path cannot be signed for CloudFront: ${url.refusal.reason}.`);
  const json = {
    url: url.value,
    cdn: "cloudfront-signed",
    asset: asset.id,
    purpose,
    path,
    kid,
    expiresAt: rfc3339(expiresAt),
  };
  return succeeded(url.value, json);
}

function readFile(args: Args, catalog: Catalog): File {
  const [text = ""] = args.operands;
  const id = args.value("asset");
  if (text.includes("://"))
    endMisused("<path> must be only a path, such as /vod-ts/index.m3u8. --media-url sets the host.");
  const queryStart = text.indexOf("?");
  const relative = (queryStart < 0 ? text : text.slice(0, queryStart)).replace(/^\//, "");
  const slash = id === undefined ? relative.indexOf("/") : -1;
  const name = id ?? (slash < 0 ? relative : relative.slice(0, slash));
  const asset = catalog.asset(name) ?? endFailed(noAsset(name, id !== undefined, args, catalog));
  // `/vod-ts` is an asset without a file.
  const rest = id === undefined && slash < 0 ? "" : relative.slice(slash + 1);
  if (rest === "" || rest.endsWith("/")) endFailed(`Name a file of the asset, such as /${asset.id}/${asset.entry}.`);
  const query = sentQuery(queryStart < 0 ? "" : text.slice(queryStart + 1));
  const canonical = canonicalPathText(rest);
  const aliased = isAlias(rest) ? originFileOf({ path: rest, query }) : undefined;
  const originFile = aliased?.ok ? aliased.value : { path: canonical.ok ? canonical.value : sentPath(rest), query };
  const place = mediaPlaceOf(originFile);
  if (!place.ok) return endFailed(`The path cannot be signed: ${place.refusal.reason}.`);
  const path = `/${asset.id}/${place.value.path}`;
  const purpose = purposeOf(args.value("purpose"), path);
  if (purpose === "file" && !isAllowedFile(asset, originFile.path))
    return endFailed(
      `The asset ${asset.id} does not allow this file: its files are ${asset.files.join(", ") || "empty"}. ` +
        "Add a glob to files in the catalog; playlists, keys and segments are never allowed.",
    );
  return { asset, path, query: place.value.query, purpose, originFile };
}

function noAsset(name: string, isOption: boolean, args: Args, catalog: Catalog): string {
  const meant = closest(
    name.toLowerCase(),
    catalog.assets().map(({ id }) => id),
  );
  const what = isOption
    ? `no asset ${shownWord(name)} (--asset)`
    : `no asset for this path: it begins with ${shownWord(name)}`;
  const file = shortName(catalogFileOf(args));
  const suggestion = meant === undefined ? "" : ` Did you mean ${meant}?`;
  return `${file} has ${what}, and a path is /<asset id>/<file>.${suggestion} \`npx stagedoor assets list${args.value("catalog") === undefined ? "" : ` --catalog ${file}`}\` lists the assets; --catalog names another catalog.`;
}

function purposeOf(name: string | undefined, path: string): MediaPurpose {
  if (name === undefined) return /\.m3u8?$/i.test(path) ? "playlist" : path.endsWith(".key") ? "key" : "segment";
  return (
    mediaPurposes.find((purpose) => purpose === name) ?? endInvalid("purpose", name, "playlist, segment, key or file")
  );
}
