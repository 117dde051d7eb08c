import { Frame } from "./frame.tsx";
import { Keys } from "./keys.tsx";
import { Refusals } from "./refusals.tsx";
import { Sessions } from "./sessions.tsx";
import type { Overview } from "./verdict.ts";
import { VerdictLine } from "./verdict-line.tsx";
import { utcWords } from "./words.ts";

export interface OverviewProps {
  readonly overview: Overview;
  readonly operator: string;
  readonly mayRevoke: boolean;
  /** What was searched for, as it was typed. */
  readonly find: string;
  readonly request: string;
  /** The session that was just ended. */
  readonly ended: string;
}

/** Whether all is well, and then the details. */
export function OverviewPage({ overview, operator, mayRevoke, find, request, ended }: OverviewProps) {
  const { sessions, refusals, keys, now } = overview;
  return (
    <Frame title="Overview" at="overview" operator={operator} live>
      <VerdictLine overview={overview} />
      <p class="stale note bad wide" role="alert">
        <strong>This page is old.</strong> The API does not answer; what stands here is of{" "}
        <span id="as-of" data-live>
          {utcWords(now)}
        </span>
        .
      </p>
      <div class="side">
        <Sessions sessions={sessions} asked={find} ended={ended} mayRevoke={mayRevoke} now={now} />
        <Keys keys={keys} now={now} />
      </div>
      <Refusals refusals={refusals} asked={request} now={now} />
    </Frame>
  );
}
