import type { Refusal, Result } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import type { KeyList, KeyStatus } from "../operator/list-keys.ts";
import { relativeTime } from "./format.ts";
import { Time, Unavailable } from "./parts.tsx";

interface KeysProps {
  readonly keys: Result<KeyList, Refusal>;
  readonly now: UnixSeconds;
}

/** The keys of the API's ring with their state, age and next step. */
export function Keys({ keys, now }: KeysProps) {
  return (
    <section id="keys" class="keys" aria-labelledby="keys-title">
      <div class="head">
        <h2 id="keys-title">Keys</h2>
      </div>
      <div id="keys-now" data-live>
        {keys.ok ? <Ring keys={keys.value} now={now} /> : <Unavailable what="The keys" refusal={keys.refusal} />}
      </div>
    </section>
  );
}

function Ring({ keys: { keys }, now }: { readonly keys: KeyList; readonly now: UnixSeconds }) {
  return (
    <table class="rows" aria-labelledby="keys-title">
      <thead>
        <tr>
          <th scope="col">Purpose and kid</th>
          <th scope="col">State</th>
          <th scope="col">Since</th>
          <th scope="col">Ends</th>
          <th scope="col">Next step</th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <tr>
            <th scope="row">
              <span class="what">{key.purpose}</span>
              <code class="id" title={`${key.type}, fingerprint ${key.fingerprint}`}>
                {key.kid}
              </code>
            </th>
            <td data-of="State">
              {key.revoked ? (
                <span class="state due">revoked</span>
              ) : (
                <span class={`state ${key.state}`}>{key.state}</span>
              )}
            </td>
            <td data-of="Since">{key.since === undefined ? "–" : <Time at={key.since} now={now} />}</td>
            <td data-of="Ends">{key.ends === undefined ? "–" : <Time at={key.ends} now={now} />}</td>
            <td data-of="Next step">
              <NextStep ofKey={key} now={now} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function NextStep({
  ofKey: { next, state, purpose, revoked },
  now,
}: {
  readonly ofKey: KeyStatus;
  readonly now: UnixSeconds;
}) {
  if (revoked) return <span>remove it from the ring</span>;
  if (next !== undefined)
    return (
      <span>
        {next.step}: {next.from <= now ? "possible now" : relativeTime(next.from, now)}
      </span>
    );
  if (state === "retired") return <span>remove it from the ring</span>;
  return <span class="quiet">{purpose === "token" ? "–" : "none"}</span>;
}
