import type { Backend } from "../auth/backend-token.ts";
import { backendIssuer, type Credential } from "../auth/credential.ts";
import type { RatePolicy } from "../auth/rate-limit.ts";
import { isJws } from "../auth/read-credential.ts";
import { filesTtl, maxSessionTtl } from "../base/constants.ts";
import { readPlace } from "../base/place.ts";
import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import { after, earlier, type UnixSeconds } from "../base/time.ts";
import { type Asset, playScope } from "../catalog/asset.ts";
import { conditionNames, type SourceMember } from "../catalog/conditions.ts";
import { isAllowedFile } from "../catalog/file-globs.ts";
import {
  type BackendRefusal,
  type BackendViewer,
  namesNoViewer,
  namesViewer,
  requireBackendNotRevoked,
  requireServer,
  viewerAs,
  withMissingMember,
} from "../sessions/backend-viewer.ts";
import { type Claiming, forbiddenAmong, placeOf } from "../sessions/claim-lease.ts";
import { addressName, subjectDigest } from "../sessions/identifiers.ts";
import { requireSignedIn } from "../sessions/open-files.ts";
import { fromStore, type SessionRequest } from "../sessions/session-context.ts";
import { type StartCheck, startChecks, type Terms } from "../sessions/start-checks.ts";
import { pasted } from "./explain/explain-text.ts";
import { examineToken } from "./explain/explain-token.ts";
import { bindingWords, type Explanation, fails, info, passes, type Step, shown, when } from "./explain/explanation.ts";
import type { OperatorContext } from "./operator-context.ts";

/** A start to simulate. An omitted member is unknown to the service, too. */
export interface SimulatedStart {
  /** The bearer token, as copied. If it is bound to a key, its proof is assumed to be valid. */
  readonly credential: string;
  readonly asset: string;
  readonly takeover?: boolean | undefined;
  readonly address?: string | undefined;
  /** ISO 3166-1 alpha-2 in upper case; anything else is unknown. */
  readonly country?: string | undefined;
  readonly region?: string | undefined;
  readonly postal?: string | undefined;
  readonly asn?: number | undefined;
  readonly anonymous?: boolean | undefined;
  readonly userAgent?: string | undefined;
  readonly origin?: string | undefined;
  /** With a backend's credential: the viewer that it names. */
  readonly viewer?: BackendViewer | undefined;
  /** Paths below the asset: simulates `POST /files` instead of a start. */
  readonly files?: readonly string[] | undefined;
}

/**
 * What `POST /stream/start`, or `POST /files`, would answer, by its own checks in their order, without side effects: it counts nothing,
 * claims no lease, uses up no proof and prolongs no sign-in session. It does ask the token's issuer and the entitlement
 * service, which only read. A start that would be refused is a successful explanation.
 */
export async function simulate(
  start: SimulatedStart,
  { waitUntil }: Pick<SessionRequest, "waitUntil">,
  context: OperatorContext,
): Promise<Explanation> {
  const now = context.clock();
  const { steps, judge, refused } = record();

  // The address is not counted for a JWT, which is usually verified without asking its issuer.
  if (!isJws(pasted(start.credential))) {
    const quota = quotaWords(context.settings.startRateAddress, addressName(start.address), now, context);
    const fromAddress = judge("quota", quota, (seen) => `of the address: ${seen}`, info);
    if (!fromAddress.ok) return refused(fromAddress.refusal);
  }
  const { verified, steps: tokenSteps, backend } = await examineToken(pasted(start.credential), context, now);
  steps.push(...tokenSteps);
  if (!verified.ok) return refused(verified.refusal);
  const revocations = context.revocations.fresh();
  const whose =
    backend === undefined
      ? ownViewer(start, verified.value.credential)
      : await backendViewer(start, backend, revocations, now, context);
  const viewer = judge("viewer", whose, ({ words }) => words, info);
  if (!viewer.ok) return refused(viewer.refusal);
  return simulateChecks({ ...viewer.value, start, waitUntil, now }, { steps, judge, refused }, context, revocations);
}

/** A start of a viewer without their token. */
export interface ViewersStart extends Omit<SimulatedStart, "credential" | "viewer" | "files"> {
  readonly issuer: string;
  readonly subject: string;
}

/**
 * What a start would answer this viewer now, with a fresh token that names every asset and the scopes of starts: the
 * conditions of the asset, revocations, entitlement and the stream limit.
 */
export async function simulateFor(
  { issuer, subject, ...rest }: ViewersStart,
  { waitUntil }: Pick<SessionRequest, "waitUntil">,
  context: OperatorContext,
): Promise<Explanation> {
  const now = context.clock();
  const recorded = record();
  const assumed = "not checked: a fresh token of this viewer for every asset is assumed";
  recorded.steps.push(info("token", assumed));
  const catalog = await context.catalog();
  const scope = (catalog.ok ? catalog.value.asset(rest.asset)?.scope : undefined) ?? playScope;
  const credential: Credential = {
    ...{ issuer, subject, assets: "*", scopes: new Set([scope]) },
    ...{
      issuedAt: now,
      expiresAt: after(now, maxSessionTtl),
      tokenId: undefined,
      loginId: undefined,
      streams: undefined,
    },
  };
  const start: SimulatedStart = { ...rest, credential: "" };
  const whose = ownViewer(start, credential);
  if (!whose.ok) return recorded.refused(whose.refusal);
  const revocations = context.revocations.fresh();
  return simulateChecks({ ...whose.value, start, waitUntil, now }, recorded, context, revocations);
}

interface Recorded {
  readonly steps: Step[];
  readonly judge: <Value, Reason extends Refusal>(
    part: string,
    result: Result<Value, Reason>,
    words: (value: Value) => string,
    step?: typeof info,
  ) => Result<Value, Reason>;
  readonly refused: (refusal: Refusal) => Explanation;
}

/** The steps of a simulation, as they are judged. */
function record(): Recorded {
  const steps: Step[] = [];
  return {
    steps,
    judge: (part, result, words, step = passes) => {
      steps.push(stepFor(part, result, words, step));
      return result;
    },
    refused: (refusal) => ({ kind: "start", verdict: "refused", refusal, grants: undefined, steps }),
  };
}

interface SimulatedChecks extends Omit<SimulatedViewer, "words">, Pick<SessionRequest, "waitUntil"> {
  readonly start: SimulatedStart;
  readonly now: UnixSeconds;
}

/** What follows the token: the checks of a start, or of a request for files. */
async function simulateChecks(
  { credential, from, start, waitUntil, now }: SimulatedChecks,
  { steps, judge, refused }: Recorded,
  context: OperatorContext,
  revocations: ReturnType<OperatorContext["revocations"]["fresh"]>,
): Promise<Explanation> {
  const { settings } = context;
  const { takeover = false } = start;
  const { client } = from;
  const name = subjectDigest(credential.issuer, credential.subject);
  const { files } = start;
  const own = quotaWords(files === undefined ? settings.startRate : settings.filesRate, name, now, context);
  const bySubject = judge("quota", own, (seen) => `of the viewer: ${seen}`, info);
  if (!bySubject.ok) return refused(bySubject.refusal);
  const attempt = { credential, assetId: start.asset, request: { ...from, waitUntil }, now };
  const observe = (outcome: StartCheck) => void steps.push(checkStep(outcome, context, now));
  const passed = await startChecks(attempt, context, { observe, revocations, isForFiles: files !== undefined });
  if (!passed.ok) {
    const why = withMissingMember(passed.refusal, { credential, request: from });
    if (why !== passed.refusal) steps.push(fails("viewer", why.code, why.reason));
    return refused(why);
  }
  const { terms } = passed.value;
  if (files !== undefined) {
    const signedIn = judge(
      "login",
      await requireSignedIn(passed.value, context),
      () => "the viewer has not signed out",
    );
    if (!signedIn.ok) return refused(signedIn.refusal);
    const allowed = judge("files", filesWords(passed.value.asset, files), (words) => words);
    if (!allowed.ok) return refused(allowed.refusal);
    const until = when(earlier(after(now, filesTtl), terms.expiresAt), now);
    const grants = `URLs of ${files.length === 1 ? "1 file" : `${files.length} files`} of ${shown(passed.value.asset.id)}, which are renewed until ${until}`;
    return { kind: "start", verdict: "accepted", refusal: undefined, grants, steps };
  }
  const claiming = { ...passed.value, client, takeover };
  const place = judge("place", await streamWords(claiming, terms, now, context), (words) => words);
  if (!place.ok) return refused(place.refusal);
  steps.push(info("throttle", "not checked: starts in quick succession are refused with 429 start_rate_exceeded"));
  const { expiresAt } = terms;
  const manifestExpiry = when(earlier(after(now, settings.manifestTtl), expiresAt), now);
  const grants = `a session of ${shown(passed.value.asset.id)} until ${when(expiresAt, now)}, with a manifest URL that expires ${manifestExpiry}`;
  return { kind: "start", verdict: "accepted", refusal: undefined, grants, steps };
}

/** The viewer of a simulated start, and the request as far as the checks read it. */
interface SimulatedViewer {
  readonly credential: Credential;
  readonly from: Pick<SessionRequest, "client" | SourceMember>;
  readonly words: string;
}

/** A viewer with a token of their own. */
function ownViewer(start: SimulatedStart, credential: Credential): Result<SimulatedViewer, Refusal<"body_invalid">> {
  const { address, origin, userAgent, viewer } = start;
  if (viewer !== undefined) return namesViewer;
  const from = { client: { address, userAgentHash: () => "" }, ...readPlace(start), origin, userAgent };
  return ok({ credential, from, words: "the credential's own" });
}

/** The viewer that a backend names, after the checks that only a backend's request has. */
async function backendViewer(
  { origin, viewer }: SimulatedStart,
  backend: Backend,
  revocations: ReturnType<OperatorContext["revocations"]["fresh"]>,
  now: UnixSeconds,
  context: OperatorContext,
): Promise<Result<SimulatedViewer, BackendRefusal | Refusal<"body_invalid">>> {
  const fromServer = requireServer({ origin });
  if (!fromServer.ok) return fromServer;
  const snapshot = await requireBackendNotRevoked(backend, revocations);
  if (!snapshot.ok) return snapshot;
  if (viewer === undefined) return namesNoViewer;
  const quota = quotaWords(backend.rate, subjectDigest(backendIssuer, backend.name), now, context);
  if (!quota.ok) return quota;
  const { credential, ...from } = viewerAs(viewer, backend, context);
  const words = `named by the backend ${shown(backend.name)}, of the issuer ${shown(credential.issuer)}; the address and country of the backend's own request count for nothing`;
  return ok({ credential, from, words });
}

/** Whether the asset's globs allow all paths. The edge also judges each file by its bytes. */
function filesWords(asset: Asset, files: readonly string[]): Result<string, Refusal<"file_forbidden">> {
  const refused = files.filter((path) => !isAllowedFile(asset, path));
  return refused.length === 0
    ? ok("the asset's globs allow every path; the media host also judges each file by its bytes")
    : refusal(
        "file_forbidden",
        `the asset's files do not include ${refused.slice(0, mostShown).map(shown).join(", ")}`,
      );
}

const mostShown = 8;

function checkStep(outcome: StartCheck, { entitlement }: OperatorContext, now: UnixSeconds): Step {
  const { check } = outcome;
  switch (check) {
    case "catalog":
      return stepFor(check, outcome.result, (catalog) => `${catalog.assets().length} assets`);
    case "asset":
      return stepFor(
        check,
        outcome.result,
        ({ id, scope }) => `the token covers ${shown(id)} and has the scope ${shown(scope)}`,
      );
    case "conditions":
      return stepFor(check, outcome.result, conditionWords);
    case "revocations":
      return stepFor(check, outcome.result, () => "none of token, viewer, login and asset is revoked");
    case "entitlement":
      return stepFor(check, outcome.result, () =>
        entitlement === undefined ? "no entitlement service is configured" : "the entitlement service allows it",
      );
    case "grant":
      return stepFor(check, outcome.result, (terms) => termWords(terms, now));
  }
}

function stepFor<Value>(
  part: string,
  result: Result<Value, Refusal>,
  words: (value: Value) => string,
  step: typeof info = passes,
): Step {
  return result.ok ? step(part, words(result.value)) : fails(part, result.refusal.code, result.refusal.reason);
}

/** Refuses if this isolate knows that the quota is used up. Nothing is counted. */
function quotaWords(
  policy: RatePolicy | undefined,
  name: string | undefined,
  now: UnixSeconds,
  { limits }: Pick<OperatorContext, "limits">,
): Result<string, Refusal<"rate_limited">> {
  if (policy === undefined) return ok("no limit");
  if (name === undefined) return ok("not counted, because the address is unknown");
  const spent = limits.spent(policy, name, now);
  if (spent === undefined) return ok("not known to be used up; the remainder is not checked, because that would count");
  return refuse({
    code: "rate_limited",
    reason: `the quota of ${policy.name} is used up`,
    retryAfter: spent.resetsIn,
  });
}

async function streamWords(
  claiming: Omit<Claiming, "sessionId">,
  { key }: Terms,
  now: UnixSeconds,
  context: OperatorContext,
): Promise<Result<string, Refusal<"stream_limit" | "store_unavailable">>> {
  const { streams, limit } = placeOf(claiming, key, context);
  const stored = await fromStore("the viewer's streams", streams.running(now), context);
  if (!stored.ok)
    return context.settings.storeFailure === "closed"
      ? stored
      : ok(`${stored.refusal.reason}, and STAGEDOOR_STORE_FAILURE=open admits the viewer`);
  const forbidden = forbiddenAmong(stored.value, claiming);
  // A session that was revoked in the meantime does not count.
  const running = stored.value.filter((stream) => !forbidden.has(stream));
  const count = running.length === 1 ? "1 stream running" : `${running.length} streams running`;
  if (limit === undefined) return ok(`${count}, no limit`);
  const surplus = running.length + 1 - limit;
  if (surplus <= 0) return ok(`${count}, the limit is ${limit}`);
  if (claiming.takeover) return ok(`${count}, the limit is ${limit}: the takeover would end ${surplus} of them`);
  return refuse({ code: "stream_limit", reason: `stream limit reached (${running.length} running)`, running });
}

/** The asset's conditions, which the start meets. */
function conditionWords(asset: Asset): string {
  const met = conditionNames(asset);
  return met.length === 0 ? "the asset has none" : `met: ${met.join(", ")}`;
}

function termWords({ key, binding, expiresAt }: Terms, now: UnixSeconds): string {
  const signed = `signed with the key ${JSON.stringify(key.kid)}, until ${when(expiresAt, now)}`;
  return [signed, bindingWords(binding)].filter((part) => part !== undefined).join(", ");
}
