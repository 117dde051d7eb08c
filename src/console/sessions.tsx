import type { Refusal } from "../base/refusal.ts";
import type { Result } from "../base/result.ts";
import type { UnixSeconds } from "../base/seconds.ts";
import type { LiveSession, SessionsAsked, SessionsNow } from "../telemetry/gathered.ts";
import { Silent, Time } from "./parts.tsx";
import { Search } from "./search.tsx";
import { countWords, numberWords, placeWords } from "./words.ts";

/** More are found by searching: nobody reads a longer list. */
const mostShown = 50;

const sessionId = /^[A-Za-z0-9_-]{22}$/;

/** What a search for sessions asks: 22 characters of base64url are a session's id, all else is an asset's. */
export function sessionsAsked(text: string): SessionsAsked {
  const found = text.trim();
  if (found === "") return { limit: mostShown };
  return isSessionId(found) ? { session: found, limit: mostShown } : { asset: found, limit: mostShown };
}

/** Whether a text can be the id of a session. */
export function isSessionId(text: string): boolean {
  return sessionId.test(text);
}

export interface SessionsProps {
  readonly sessions: Result<SessionsNow, Refusal>;
  /** What was searched for; empty for all. */
  readonly asked: string;
  /** The id of the session that was just ended; empty where none was. */
  readonly ended: string;
  readonly mayRevoke: boolean;
  readonly now: UnixSeconds;
}

/** The sessions that hold a lease, with a button each that ends it. */
export function Sessions({ sessions, asked, ended, ...more }: SessionsProps) {
  return (
    <section id="sessions" class="sessions" aria-labelledby="sessions-title">
      <div class="head">
        <h2 id="sessions-title">Sessions now</h2>
        <Search name="find" label="Asset or session id" longest={128} asked={asked} />
      </div>
      <div id="session-ended" role="status" data-live>
        {isSessionId(ended) ? (
          <p class="note well">
            <strong>Ended:</strong> <code>{ended}</code>. Its player is refused within two seconds.
          </p>
        ) : null}
      </div>
      <div id="sessions-now" data-live>
        {sessions.ok ? (
          <Found found={sessions.value} {...{ asked, ended, ...more }} />
        ) : (
          <Silent what="The sessions" refusal={sessions.refusal} />
        )}
      </div>
    </section>
  );
}

type FoundProps = Omit<SessionsProps, "sessions"> & { readonly found: SessionsNow };

function Found({ found: { count, sessions }, asked, ended, mayRevoke, now }: FoundProps) {
  if (sessions.length === 0)
    return (
      <p class="empty">
        {asked === ""
          ? "Nobody is watching. A session stands here a few seconds after its first request, for as long as it holds a lease."
          : "No session that is running has this asset or id. Both are compared letter by letter."}
        {asked === "" ? null : <a href="/console">Show all</a>}
      </p>
    );
  return (
    <>
      <p class="fine">
        {countWords(count, "session")}
        {asked === "" ? null : " found. "}
        {asked === "" ? null : <a href="/console">Show all</a>}
        {count > sessions.length ? `, the ${numberWords(sessions.length)} seen last are shown` : ""}
      </p>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">Asset and session</th>
            <th scope="col">Place</th>
            <th scope="col">Since</th>
            <th scope="col">Last seen</th>
            <th scope="col">Ends</th>
            <th scope="col">
              <span class="hidden">Revoke</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sessions.map((session) => (
            <Row session={session} ended={session.sessionId === ended} mayRevoke={mayRevoke} asked={asked} now={now} />
          ))}
        </tbody>
      </table>
    </>
  );
}

interface RowProps {
  readonly session: LiveSession;
  /** It was ended a moment ago: the list hears of it within two seconds. */
  readonly ended: boolean;
  readonly mayRevoke: boolean;
  readonly asked: string;
  readonly now: UnixSeconds;
}

function Row({ session, ended, mayRevoke, asked, now }: RowProps) {
  const place = placeWords(session.country);
  return (
    <tr>
      <th scope="row">
        <span class="what">{session.assetId}</span>
        <code class="id">{session.sessionId}</code>
      </th>
      <td data-of="Place">
        {place === undefined ? (
          <span class="quiet">not known</span>
        ) : (
          <>
            <abbr class="country">{session.country}</abbr> {place}
          </>
        )}
      </td>
      <td data-of="Since">
        <Time at={session.startedAt} now={now} />
      </td>
      <td data-of="Seen">
        <Time at={session.seenAt} now={now} />
      </td>
      <td data-of="Ends">
        <Time at={session.expiresAt} now={now} />
      </td>
      <td class="do">
        {ended ? (
          <span class="state">ended</span>
        ) : mayRevoke ? (
          <form method="post" action={`/console/sessions/${session.sessionId}/revoke`} data-swap>
            <input type="hidden" name="find" value={asked} />
            <button class="small danger" type="submit" id={`revoke-${session.sessionId}`}>
              Revoke<span class="hidden"> the session {session.sessionId}</span>
            </button>
          </form>
        ) : null}
      </td>
    </tr>
  );
}
