import type { Refusal, Result } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import type { LiveSession, SessionsAsked, SessionsNow } from "../metrics/gathered.ts";
import { countWords, numberWords, placeWords } from "./format.ts";
import type { Done } from "./last-action.ts";
import { Silent, Time } from "./parts.tsx";
import { Kept, overviewAt, Search, type Searched } from "./search.tsx";

/** More are found by searching: nobody reads a longer list. */
const mostShown = 50;

/** What a search for sessions asks. An asset's id may look like a session's, so a text may be any of its names. */
export function sessionsAsked(text: string): SessionsAsked {
  const name = text.trim();
  return { order: "begun", limit: mostShown, ...(name !== "" && { name }) };
}

export interface SessionsProps {
  readonly sessions: Result<SessionsNow, Refusal>;
  readonly searched: Searched;
  /** What was done to a session just now. */
  readonly done: Done | undefined;
  readonly mayRevoke: boolean;
  readonly now: UnixSeconds;
}

/** The sessions that hold a lease, with a button each that ends it. */
export function Sessions({ sessions, ...props }: SessionsProps) {
  return (
    <section id="sessions" class="sessions" aria-labelledby="sessions-title">
      <div class="head">
        <h2 id="sessions-title">Sessions now</h2>
        <Search name="find" label="Asset, session or viewer id" longest={128} searched={props.searched} />
      </div>
      <div id="session-done" role="status" data-live>
        {props.done === undefined ? null : <DoneNote {...props} done={props.done} />}
      </div>
      <div id="sessions-now" data-live>
        {sessions.ok ? (
          <Found found={sessions.value} {...props} />
        ) : (
          <Silent what="The sessions" refusal={sessions.refusal} />
        )}
      </div>
    </section>
  );
}

type Props = Omit<SessionsProps, "sessions">;

/** What was done, and how it is taken back: one press ends a stream, and the wrong one may have been pressed. */
function DoneNote({ done: { act, session }, searched, mayRevoke }: Props & { readonly done: Done }) {
  if (act === "lifted")
    return (
      <div class="note well" id="done">
        <p>
          <strong>Taken back:</strong> <code>{session}</code> may go on. A player that has stopped has to be started
          again.
        </p>
      </div>
    );
  return (
    <div class="note well with" id="done">
      <p>
        <strong>Ended:</strong> <code>{session}</code>. Its player is refused within two seconds.
      </p>
      {mayRevoke ? (
        <form
          method="post"
          action={`/console/sessions/${session}/lift`}
          data-swap
          data-unknown={`It is not known whether the end of the session ${session} was taken back: no answer came. Try again.`}
        >
          <Kept searched={searched} />
          <button class="small" type="submit" id={`lift-${session}`}>
            Take back<span class="hidden"> the end of the session {session}</span>
          </button>
        </form>
      ) : null}
    </div>
  );
}

function Found({ found: { count, sessions }, searched, ...more }: Props & { readonly found: SessionsNow }) {
  const all = (
    <a id="all-sessions" href={overviewAt({ ...searched, find: "" })}>
      Show all
    </a>
  );
  if (sessions.length > 0)
    return (
      <>
        <p class="fine">
          {searched.find === "" ? countWords(count, "session") : `${countWords(count, "session")} found`}
          {count > sessions.length ? `, the ${numberWords(sessions.length)} begun last are shown. ` : ". "}
          {searched.find === "" ? null : all}
        </p>
        <SessionRows {...{ sessions, searched, ...more }} />
      </>
    );
  return searched.find === "" ? (
    <p class="empty">
      Nobody is watching. A session stands here a few seconds after its first request, for as long as it holds a lease.
    </p>
  ) : (
    <p class="empty">
      No session that is running has this asset, id or viewer. All are compared letter by letter. {all}
    </p>
  );
}

interface RowsProps {
  readonly sessions: readonly LiveSession[];
  readonly searched: Searched;
  readonly done: Done | undefined;
  readonly mayRevoke: boolean;
  readonly now: UnixSeconds;
}

/** Sessions one by one, with a button each that ends it. */
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

function Row({ session, searched, done, mayRevoke, now }: RowProps) {
  const { sessionId, subject } = session;
  const place = placeWords(session.country);
  return (
    <tr>
      <th scope="row">
        <span class="what">{session.assetId}</span>
        <code class="id">{sessionId}</code>
        <a
          class="more"
          id={`refused-${sessionId}`}
          href={`${overviewAt({ ...searched, request: subject })}#refusals`}
          aria-label={`Refusals of the viewer of the session ${sessionId}`}
        >
          refusals of this viewer
        </a>
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
        {done?.act === "ended" && done.session === sessionId ? (
          // The list hears of it within two seconds.
          <span class="state">ended</span>
        ) : mayRevoke ? (
          <form
            method="post"
            action={`/console/sessions/${sessionId}/revoke`}
            data-swap
            data-unknown={`It is not known whether the session ${sessionId} was ended: no answer came. Look whether it still stands in the list before you press again.`}
          >
            <Kept searched={searched} />
            <button class="small danger" type="submit" id={`revoke-${sessionId}`}>
              Revoke<span class="hidden"> the session {sessionId}</span>
            </button>
          </form>
        ) : null}
      </td>
    </tr>
  );
}
