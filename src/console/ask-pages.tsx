import type { Child } from "hono/jsx";
import type * as z from "zod";
import { ok, type Result, refuse } from "../base/result.ts";
import { Frame } from "./frame.tsx";
import { Unknown } from "./parts.tsx";

interface AskProps {
  readonly operator: string;
  /** What the last question was answered, or why not. */
  readonly answer?: Child;
  /** What is wrong with what was asked. */
  readonly faults?: Faults;
}

/** The explainer. What is pasted may open a stream, so it is sent by POST and never shown again. */
export function ExplainPage({ operator, answer, faults = {} }: AskProps) {
  return (
    <Frame title="Explain" at="explain" operator={operator}>
      <section class="ask" aria-labelledby="explain-title">
        <h1 id="explain-title">Explain</h1>
        <p class="quiet">What a URL, a grant or a token opens, and where it is refused. It is not kept.</p>
        <form method="post" action="/console/explain" autocomplete="off" data-swap data-unknown={noAnswer}>
          <div class="field">
            <label for="text">URL, grant or token</label>
            <textarea
              id="text"
              name="text"
              rows={7}
              required
              autocapitalize="none"
              spellcheck={false}
              aria-describedby="fault-text"
            ></textarea>
            <Fault of="text" faults={faults} />
          </div>
          <div class="field">
            <label for="address">The viewer's address, for what is bound to one</label>
            <AddressInput />
            <Fault of="address" faults={faults} />
          </div>
          <button class="primary" type="submit">
            Explain
          </button>
          <Unknown />
        </form>
      </section>
      <Answer>
        {answer ?? (
          <p class="empty">
            Paste what a viewer or a log gave you. The checks of the API and of the media host run on it one by one, as
            they do for a request, with the keys, the catalog and the revocations of now.
          </p>
        )}
      </Answer>
    </Frame>
  );
}

/** The simulator: a start that nobody asks for. */
export function SimulatePage({
  operator,
  assets,
  answer,
  faults = {},
}: AskProps & { readonly assets: readonly string[] }) {
  return (
    <Frame title="Simulate" at="simulate" operator={operator}>
      <section class="ask" aria-labelledby="simulate-title">
        <h1 id="simulate-title">Simulate</h1>
        <p class="quiet">What a start would be answered. Nothing is started, and nothing is counted.</p>
        <form method="post" action="/console/simulate" autocomplete="off" data-swap data-unknown={noAnswer}>
          <div class="field">
            <label for="credential">The viewer's bearer token</label>
            <textarea
              id="credential"
              name="credential"
              rows={5}
              required
              placeholder="eyJ…"
              autocapitalize="none"
              spellcheck={false}
              aria-describedby="fault-credential"
            ></textarea>
            <Fault of="credential" faults={faults} />
          </div>
          <AssetField assets={assets} faults={faults} />
          <div class="pair">
            <div class="field">
              <label for="address">Address</label>
              <AddressInput />
              <Fault of="address" faults={faults} />
            </div>
            <div class="field">
              <label for="country">Country</label>
              <input
                id="country"
                name="country"
                placeholder="DE"
                maxlength={2}
                autocapitalize="characters"
                aria-describedby="fault-country"
              />
              <Fault of="country" faults={faults} />
            </div>
          </div>
          <div class="field">
            <label for="origin">Site that it plays on</label>
            <input
              id="origin"
              name="origin"
              placeholder="https://www.example.com"
              autocapitalize="none"
              spellcheck={false}
              aria-describedby="fault-origin"
            />
            <Fault of="origin" faults={faults} />
          </div>
          <button class="primary" type="submit">
            Simulate
          </button>
          <Unknown />
        </form>
      </section>
      <Answer>
        {answer ?? (
          <p class="empty">
            The answer of <code>POST /stream/start</code>, step by step: the token, what it opens, the asset's
            conditions, what was revoked, and how many streams are running. What is left empty is not known to the
            service either.
          </p>
        )}
      </Answer>
    </Frame>
  );
}

/** More than these nobody finds in a list; then the id is typed. */
const mostListed = 500;

const noAnswer = "No answer came. Nothing was changed by it: ask again.";

/** What is wrong with a field, beside it. */
function Fault({ of, faults }: { readonly of: string; readonly faults: Faults }) {
  return (
    <p id={`fault-${of}`} class="fault" data-live>
      {faults[of]}
    </p>
  );
}

function AddressInput() {
  return (
    <input
      id="address"
      name="address"
      placeholder="192.0.2.7"
      autocapitalize="none"
      spellcheck={false}
      aria-describedby="fault-address"
    />
  );
}

function AssetField({ assets, faults }: { readonly assets: readonly string[]; readonly faults: Faults }) {
  return (
    <div class="field">
      <label for="asset">Asset</label>
      {assets.length === 0 || assets.length > mostListed ? (
        <input
          id="asset"
          name="asset"
          required
          autocapitalize="none"
          spellcheck={false}
          aria-describedby="fault-asset"
        />
      ) : (
        <select id="asset" name="asset">
          {assets.map((id) => (
            <option value={id}>{id}</option>
          ))}
        </select>
      )}
      <Fault of="asset" faults={faults} />
    </div>
  );
}

function Answer({ children }: { readonly children?: Child }) {
  return (
    <section id="answer" class="answer" aria-label="Answer" aria-live="polite" data-live>
      {children}
    </section>
  );
}

/** What is wrong with a form, by the field that it is wrong with. */
type Faults = Readonly<Record<string, string>>;

/** What a form asks, by the schema of the route that asks the same; or what is wrong with it, field by field. */
export function fieldsFor<Schema extends z.ZodType>(schema: Schema, form: unknown): Result<z.output<Schema>, Faults> {
  const parsed = schema.safeParse(form);
  if (parsed.success) return ok(parsed.data);
  return refuse(Object.fromEntries(parsed.error.issues.map(({ path, message }) => [String(path[0] ?? ""), message])));
}
