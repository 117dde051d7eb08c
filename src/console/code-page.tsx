import type { RefusalCode } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import { problemFor } from "../http/problems.ts";
import type { RecentRefusal } from "../metrics/gathered.ts";
import { countWords } from "./format.ts";
import { Frame } from "./frame.tsx";
import { RecentRefusals } from "./refusals.tsx";
import { troubles } from "./troubleshooting.ts";

export interface CodeProps {
  readonly code: RefusalCode;
  /** How many there were in the last hour; undefined where nobody knows. */
  readonly count: number | undefined;
  readonly recent: readonly RecentRefusal[];
  readonly operator: string;
  readonly now: UnixSeconds;
}

/** A code of refusals: what it means, what lies behind it, what the client is told, and who was refused with it of late. */
export function CodePage({ code, count, recent, operator, now }: CodeProps) {
  const { status, title, detail } = problemFor(code);
  const { meaning, causes } = troubles[code];
  return (
    <Frame title={code} at="codes" operator={operator}>
      <h1>{title}</h1>
      <p>
        <code>
          {status} {code}
        </code>
      </p>
      {meaning.map((text) => (
        <p>
          <Marked text={text} />
        </p>
      ))}
      <h2>What lies behind it</h2>
      <ul class="causes">
        {causes.map((text) => (
          <li>
            <Marked text={text} />
          </li>
        ))}
      </ul>
      <p>
        With what the client has sent, <a href="/console/explain">Explain</a> says which check it was.
      </p>
      <h2>What the client is told</h2>
      <p>{detail}</p>
      <h2>
        {count === undefined ? "The last ones are not known" : `${countWords(count, "refusal")} in the last hour`}
      </h2>
      <RecentRefusals refusals={recent} colours={new Map()} now={now} />
    </Frame>
  );
}

/** Markdown's bold and code; bold may hold code. */
function Marked({ text }: { readonly text: string }) {
  return (
    <>
      {text.split(/(\*\*.+?\*\*|`[^`]+`)/).map((part) =>
        part.startsWith("**") ? (
          <strong>
            <Marked text={part.slice(2, -2)} />
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
