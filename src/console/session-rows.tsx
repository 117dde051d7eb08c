import type { UnixSeconds } from "../base/seconds.ts";
import type { LiveSession } from "../telemetry/gathered.ts";
import type { Done } from "./done.ts";
import { Time } from "./parts.tsx";
import { Kept } from "./search.tsx";
import { overviewAt, type Searched } from "./searched.ts";
import { placeWords } from "./words.ts";

interface RowsProps {
  readonly sessions: readonly LiveSession[];
  readonly searched: Searched;
  readonly done: Done | undefined;
  readonly mayRevoke: boolean;
  readonly now: UnixSeconds;
}

/** Sessions one by one, with a button each that ends it. */
export function SessionRows({ sessions, ...more }: RowsProps) {
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
