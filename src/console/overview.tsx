import type { Done } from "./done.ts";
import { Frame } from "./frame.tsx";
import { Keys } from "./keys.tsx";
import { Mark } from "./marks.tsx";
import { Unknown } from "./parts.tsx";
import { Refusals } from "./refusals.tsx";
import type { Searched } from "./searched.ts";
import { Sessions } from "./sessions.tsx";
import type { Overview } from "./verdict.ts";
import { VerdictLine } from "./verdict-line.tsx";
import { utcWords } from "./words.ts";

export interface OverviewProps {
  readonly overview: Overview;
  readonly operator: string;
  readonly mayRevoke: boolean;
  readonly searched: Searched;
  /** What was done just now. */
  readonly done: Done | undefined;
}

/** Whether all is well, and then the details. */
export function OverviewPage({ overview, operator, mayRevoke, searched, done }: OverviewProps) {
  const { sessions, refusals, keys, now } = overview;
  return (
    <Frame title="Overview" at="overview" operator={operator} live>
      <VerdictLine overview={overview} />
      <div class="stale verdict bad wide" role="alert">
        <Mark level="bad" />
        <h1>This page is old.</h1>
        <p class="why">
          The API does not answer; what stands here is of{" "}
          <span id="as-of" data-live>
            {utcWords(now)}
          </span>
          .
        </p>
      </div>
      <Unknown />
      <div class="side">
        <Sessions {...{ sessions, searched, done, mayRevoke, now }} />
        <Keys keys={keys} now={now} />
      </div>
      <Refusals refusals={refusals} searched={searched} now={now} />
    </Frame>
  );
}
