import type { RefusalCode } from "../base/refusal.ts";
import type { UnixSeconds } from "../base/seconds.ts";
import { faceOf } from "../http/faces.ts";
import type { RecentRefusal } from "../telemetry/gathered.ts";
import { Frame } from "./frame.tsx";
import { RecentRefusals } from "./refusals.tsx";
import { countWords } from "./words.ts";

export interface CodeProps {
  readonly code: RefusalCode;
  /** How many there were in the last hour; undefined where nobody knows. */
  readonly count: number | undefined;
  readonly recent: readonly RecentRefusal[];
  readonly operator: string;
  readonly now: UnixSeconds;
}

/** A code of refusals: what the client is told, what to do, and who was refused with it of late. */
export function CodePage({ code, count, recent, operator, now }: CodeProps) {
  const { status, title, detail } = faceOf(code);
  return (
    <Frame title={code} at="codes" operator={operator}>
      <h1>{title}</h1>
      <p>
        <code>
          {status} {code}
        </code>
      </p>
      <p>
        <strong>What the client is told.</strong> {detail}
      </p>
      <p>
        <strong>What an operator does.</strong> The causes and the remedies stand in{" "}
        <code>docs/troubleshooting.md#{code}</code>. With what the client has sent,{" "}
        <a href="/console/explain">Explain</a> says which check it was.
      </p>
      <h2>
        {count === undefined ? "The last ones are not known" : `${countWords(count, "refusal")} in the last hour`}
      </h2>
      <RecentRefusals refusals={recent} colours={new Map()} now={now} />
    </Frame>
  );
}
