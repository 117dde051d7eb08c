import type { Refusal, Result } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import type { LiveSession, SessionsAsked, SessionsNow } from "../metrics/gathered.ts";
import { countOf, formatNumber } from "../operator/counts.ts";
import { countryName } from "./format.ts";
import type { LastAction } from "./last-action.ts";
import { Time, Unavailable } from "./parts.tsx";
import { HiddenSearchParams, overviewUrl, Search, type SearchParams } from "./search.tsx";

const maxShown = 50;

/** Matches the asset, session or viewer, because an asset's id may look like a session's. */
export function sessionQuery(text: string): SessionsAsked {
  const name = text.trim();
  return { order: "begun", limit: maxShown, ...(name !== "" && { name }) };
}

export interface SessionsProps {
  readonly sessions: Result<SessionsNow, Refusal>;
  readonly searchParams: SearchParams;
  readonly lastAction: LastAction | undefined;
  readonly mayRevoke: boolean;
  readonly now: UnixSeconds;
}

/** The sessions that hold a lease, each with a button that ends it. */
export function Sessions({ sessions, ...props }: SessionsProps) {
  return (
    <section id="sessions" class="sessions" aria-labelledby="sessions-title">
      <div class="head">
        <h2 id="sessions-title">Sessions now</h2>
        <Search
          name="find"
          label="Asset, session or viewer id, country, network or player"
          hint="Asset, session, DE, Chrome"
          longest={128}
          searchParams={props.searchParams}
        />
      </div>
      <div id="session-done" role="status" data-live>
        {props.lastAction === undefined ? null : <LastActionNote {...props} lastAction={props.lastAction} />}
      </div>
      <div id="sessions-now" data-live>
        {sessions.ok ? (
          <SessionResults results={sessions.value} {...props} />
        ) : (
          <Unavailable what="The sessions" refusal={sessions.refusal} />
        )}
      </div>
    </section>
  );
}

type Props = Omit<SessionsProps, "sessions">;

/** Confirms the last action and offers to undo it, because one click ends a stream. */
function LastActionNote({
  lastAction: { act, session },
  searchParams,
  mayRevoke,
}: Props & { readonly lastAction: LastAction }) {
  if (act === "lifted")
    return (
      <div class="note ok" id="done">
        <p>
          <strong>Restored:</strong> <code>{session}</code> may continue. A player that has stopped has to start again.
        </p>
      </div>
    );
  return (
    <div class="note ok with" id="done">
      <p>
        <strong>Ended:</strong> <code>{session}</code>. Its player is refused within two seconds.
      </p>
      {mayRevoke ? (
        <form
          method="post"
          action={`/console/sessions/${session}/lift`}
          data-swap
          data-unknown={`No response: the session ${session} may or may not be restored. Try again.`}
        >
          <HiddenSearchParams searchParams={searchParams} />
          <button class="small" type="submit" id={`lift-${session}`}>
            Undo<span class="hidden"> the end of the session {session}</span>
          </button>
        </form>
      ) : null}
    </div>
  );
}

function SessionResults({
  results: { count, sessions },
  searchParams,
  ...more
}: Props & { readonly results: SessionsNow }) {
  const all = (
    <a id="all-sessions" href={overviewUrl({ ...searchParams, find: "" })}>
      Show all
    </a>
  );
  if (sessions.length > 0)
    return (
      <>
        <p class="fine">
          {searchParams.find === "" ? countOf(count, "session") : `${countOf(count, "session")} found`}
          {count > sessions.length ? `; the ${formatNumber(sessions.length)} started last are shown. ` : ". "}
          {searchParams.find === "" ? null : all}
        </p>
        <SessionRows {...{ sessions, searchParams, ...more }} />
      </>
    );
  return searchParams.find === "" ? (
    <p class="empty">
      No running sessions. A session appears a few seconds after its first request and stays while it holds a lease.
    </p>
  ) : (
    <p class="empty">
      No running session has this asset, id, viewer, country, network or player. The match is exact. {all}
    </p>
  );
}

interface RowsProps {
  readonly sessions: readonly LiveSession[];
  readonly searchParams: SearchParams;
  readonly lastAction: LastAction | undefined;
  readonly mayRevoke: boolean;
  readonly now: UnixSeconds;
}

function SessionRows({ sessions, ...more }: RowsProps) {
  return (
    <table class="rows" aria-labelledby="sessions-title">
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
          <Row session={session} {...more} />
        ))}
      </tbody>
    </table>
  );
}

type RowProps = Omit<RowsProps, "sessions"> & { readonly session: LiveSession };

function Row({ session, searchParams, lastAction, mayRevoke, now }: RowProps) {
  const { sessionId, subject } = session;
  const place = countryName(session.country);
  return (
    <tr>
      <th scope="row">
        <span class="what">{session.assetId}</span>
        <code class="id">{sessionId}</code>
        {session.player === undefined ? null : <span class="fine"> {session.player}</span>}
        <a
          class="more"
          id={`refused-${sessionId}`}
          href={`${overviewUrl({ ...searchParams, request: subject })}#refusals`}
          aria-label={`Refusals of the viewer of the session ${sessionId}`}
        >
          refusals of this viewer
        </a>
      </th>
      <td data-of="Place">
        {place === undefined ? (
          <span class="quiet">unknown</span>
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
        {lastAction?.act === "ended" && lastAction.session === sessionId ? (
          // The list is updated within two seconds.
          <span class="state">ended</span>
        ) : mayRevoke ? (
          <form
            method="post"
            action={`/console/sessions/${sessionId}/revoke`}
            data-swap
            data-unknown={`No response: the session ${sessionId} may or may not have ended. Check whether it is still in the list before you try again.`}
          >
            <HiddenSearchParams searchParams={searchParams} />
            <button class="small danger" type="submit" id={`revoke-${sessionId}`}>
              Revoke<span class="hidden"> the session {sessionId}</span>
            </button>
          </form>
        ) : null}
      </td>
    </tr>
  );
}
