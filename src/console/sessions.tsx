import type { Refusal } from "../base/refusal.ts";
import type { Result } from "../base/result.ts";
import type { UnixSeconds } from "../base/seconds.ts";
import type { SessionsAsked, SessionsNow } from "../telemetry/gathered.ts";
import type { Done } from "./done.ts";
import { Silent } from "./parts.tsx";
import { Kept, Search } from "./search.tsx";
import { overviewAt, type Searched } from "./searched.ts";
import { SessionRows } from "./session-rows.tsx";
import { countWords, numberWords } from "./words.ts";

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
