import type { Child } from "hono/jsx";
import type * as z from "zod";
import { ok, type Result, refuse } from "../base/result.ts";
import { Frame } from "./frame.tsx";
import { NoResponseNote } from "./parts.tsx";

/** The errors of a form, by field. */
export type FormErrors = Readonly<Record<string, string>>;

interface PageProps {
  readonly operator: string;
  /** The explanation of the form that was sent. */
  readonly answer?: Child;
  readonly errors?: FormErrors;
}

/** Explains a pasted text. The text may be a credential, so it is sent by POST and not shown again. */
export function ExplainPage({ errors = {}, ...props }: PageProps) {
  return (
    <FormPage
      {...props}
      id="explain"
      title="Explain"
      summary="What a URL, grant or token gives access to, and which check refuses it. It is not stored."
      placeholder={
        <>
          Paste a text from a viewer or a log. The checks of the API and the media host run on it one by one, with the
          current keys, catalog and revocations.
        </>
      }
    >
      <Field name="text" label="URL, grant or token" errors={errors}>
        <textarea rows={7} required {...inputOf("text")}></textarea>
      </Field>
      <Field name="address" label="Viewer's address, if the text is bound to one" errors={errors}>
        <input placeholder="192.0.2.7" {...inputOf("address")} />
      </Field>
    </FormPage>
  );
}

/** Simulates a start. */
export function SimulatePage({ assets, errors = {}, ...props }: PageProps & { readonly assets: readonly string[] }) {
  return (
    <FormPage
      {...props}
      id="simulate"
      title="Simulate"
      summary="What a start would answer. It starts nothing and counts against no quota."
      placeholder={
        <>
          The answer of <code>POST /stream/start</code>, step by step: the token, the asset and its conditions,
          revocations, and the viewer's running streams. Empty fields are unknown to the service, too.
        </>
      }
    >
      <Field name="credential" label="Viewer's bearer token, or a backend's credential" errors={errors}>
        <textarea rows={5} required placeholder="eyJ…" {...inputOf("credential")}></textarea>
      </Field>
      <Field name="subject" label="Viewer's id, with a backend's credential" errors={errors}>
        <input maxlength={512} {...inputOf("subject")} />
      </Field>
      <Field name="asset" label="Asset" errors={errors}>
        {assets.length === 0 || assets.length > maxOptions ? (
          <input required {...inputOf("asset")} />
        ) : (
          <select id="asset" name="asset">
            {assets.map((id) => (
              <option value={id}>{id}</option>
            ))}
          </select>
        )}
      </Field>
      <div class="pair">
        <Field name="address" label="Address" errors={errors}>
          <input placeholder="192.0.2.7" {...inputOf("address")} />
        </Field>
        <Field name="country" label="Country" errors={errors}>
          <input placeholder="DE" maxlength={2} {...inputOf("country")} autocapitalize="characters" />
        </Field>
        <Field name="region" label="Region" errors={errors}>
          <input placeholder="DE-BE" maxlength={6} {...inputOf("region")} autocapitalize="characters" />
        </Field>
        <Field name="asn" label="Network" errors={errors}>
          <input placeholder="64500" maxlength={10} inputmode="numeric" {...inputOf("asn")} />
        </Field>
      </div>
      <Field name="origin" label="Site that plays it" errors={errors}>
        <input placeholder="https://www.example.com" {...inputOf("origin")} />
      </Field>
    </FormPage>
  );
}

/** With more assets than these, the id is typed instead of chosen from a list. */
const maxOptions = 500;

interface FormPageProps extends PageProps {
  readonly id: "explain" | "simulate" | "viewer" | "revocations";
  readonly title: string;
  /** Its title by default. */
  readonly button?: string;
  readonly summary: string;
  /** Shown before the form is sent. */
  readonly placeholder: Child;
  readonly children?: Child;
}

/** A form on the left, its answer on the right. */
export function FormPage({
  id,
  title,
  button = title,
  summary,
  placeholder,
  operator,
  answer,
  children,
}: FormPageProps) {
  return (
    <Frame title={title} at={id} operator={operator}>
      <section class="ask" aria-labelledby={`${id}-title`}>
        <h1 id={`${id}-title`}>{title}</h1>
        <p class="quiet">{summary}</p>
        <form
          method="post"
          action={`/console/${id}`}
          autocomplete="off"
          data-swap
          data-unknown="No response. Nothing was changed: try again."
        >
          {children}
          <button class="primary" type="submit">
            {button}
          </button>
          <NoResponseNote />
        </form>
      </section>
      <section id="answer" class="answer" aria-label="Answer" aria-live="polite" data-live>
        {answer ?? <p class="empty">{placeholder}</p>}
      </section>
    </Frame>
  );
}

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly errors: FormErrors;
  readonly children?: Child;
}

/** An input with its label and error. */
export function Field({ name, label, errors, children }: FieldProps) {
  return (
    <div class="field">
      <label for={name}>{label}</label>
      {children}
      <p id={`fault-${name}`} class="fault" data-live>
        {errors[name]}
      </p>
    </div>
  );
}

export function inputOf(name: string) {
  return {
    id: name,
    name,
    autocapitalize: "none",
    spellcheck: false,
    "aria-describedby": `fault-${name}`,
  } as const;
}

/** Validates a form with the schema of the API's route; errors by field. */
export function readForm<Schema extends z.ZodType>(
  schema: Schema,
  form: unknown,
): Result<z.output<Schema>, FormErrors> {
  const parsed = schema.safeParse(form);
  if (parsed.success) return ok(parsed.data);
  return refuse(
    Object.fromEntries(parsed.error.issues.map(({ path, message }) => [String(path.at(-1) ?? ""), message])),
  );
}
