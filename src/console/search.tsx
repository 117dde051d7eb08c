import { idForm } from "../sessions/identifiers.ts";

/** The searches of the overview, as typed; empty for all. Both are URL parameters. */
export interface SearchParams {
  readonly find: string;
  readonly request: string;
}

/** Whether a text has the form of a session id or of a viewer's keyed hash. */
export function isId(text: string): boolean {
  return idForm.test(text);
}

export function readSearchParams(fields: URLSearchParams): SearchParams {
  return { find: fields.get("find") ?? "", request: fields.get("request") ?? "" };
}

/** The URL of the overview with its searches and more parameters. */
export function overviewUrl(searchParams: Partial<SearchParams>, more: Readonly<Record<string, string>> = {}): string {
  const fields = Object.entries({ ...searchParams, ...more }).filter(([, text]) => text !== "");
  return fields.length === 0 ? "/console" : `/console?${new URLSearchParams(fields)}`;
}

export interface SearchProps {
  readonly name: keyof SearchParams;
  readonly label: string;
  /** A shorter label, as the placeholder. */
  readonly hint?: string;
  readonly longest: number;
  readonly searchParams: SearchParams;
}

/**
 * One search of the overview; it keeps the other. It works without the script, which only avoids reloading the page.
 */
export function Search({ name, label, hint = label, longest, searchParams }: SearchProps) {
  const id = `search-${name}`;
  return (
    <form class="search" method="get" action="/console" data-swap>
      <label class="hidden" for={id}>
        {label}
      </label>
      <HiddenSearchParams searchParams={{ ...searchParams, [name]: "" }} />
      <input
        id={id}
        name={name}
        type="search"
        value={searchParams[name]}
        placeholder={hint}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        maxlength={longest}
      />
      <button class="small" type="submit">
        Find
      </button>
    </form>
  );
}

/** Hidden fields, so that the next page keeps the searches. */
export function HiddenSearchParams({ searchParams }: { readonly searchParams: SearchParams }) {
  return (
    <>
      {Object.entries(searchParams).map(([name, text]) =>
        text === "" ? null : <input type="hidden" name={name} value={text} />,
      )}
    </>
  );
}
