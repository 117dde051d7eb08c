import type { RefusalCode } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import { causeOf } from "../http/cause.ts";
import { problemFor } from "../http/problems.ts";
import type { RecentRefusal } from "../metrics/gathered.ts";
import { countOf } from "../operator/counts.ts";
import { causers } from "../operator/verdict.ts";
import { Frame } from "./frame.tsx";
import { RecentRefusals } from "./refusals.tsx";
import { troubleshooting } from "./troubleshooting.ts";

export interface CodeProps {
  readonly code: RefusalCode;
  /** In the last hour; undefined if unknown. */
  readonly count: number | undefined;
  readonly recent: readonly RecentRefusal[];
  readonly operator: string;
  readonly now: UnixSeconds;
}

/** A refusal code: its meaning, usual causes, message to clients, and recent refusals. */
export function CodePage({ code, count, recent, operator, now }: CodeProps) {
  const { status, title, detail } = problemFor(code);
  const { meaning, causes } = troubleshooting[code];
  return (
    <Frame title={code} at="codes" operator={operator}>
      <h1>{title}</h1>
      <p>
        <code>
          {status} {code}
        </code>{" "}
        · usual cause: {causers[causeOf(code)]}
      </p>
      {meaning.map((text) => (
        <p>
          <InlineMarkdown text={text} />
        </p>
      ))}
      <h2>Usual causes</h2>
      <ul class="causes">
        {causes.map((text) => (
          <li>
            <InlineMarkdown text={text} />
          </li>
        ))}
      </ul>
      <p>
        Paste what the client sent into <a href="/console/explain">Explain</a> to see which check refused it.
      </p>
      <h2>Message to the client</h2>
      <p>{detail}</p>
      <h2>
        {count === undefined ? "Recent refusals are unavailable" : `${countOf(count, "refusal")} in the last hour`}
      </h2>
      <RecentRefusals refusals={recent} colours={new Map()} now={now} />
    </Frame>
  );
}

/** Supports bold and code; bold may contain code. */
function InlineMarkdown({ text }: { readonly text: string }) {
  return (
    <>
      {text.split(/(\*\*.+?\*\*|`[^`]+`)/).map((part) =>
        part.startsWith("**") ? (
          <strong>
            <InlineMarkdown text={part.slice(2, -2)} />
          </strong>
        ) : part.startsWith("`") ? (
          <code>{part.slice(1, -1)}</code>
        ) : (
          part
        ),
      )}
    </>
  );
}
