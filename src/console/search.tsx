/** What the overview is searched for, as it was typed: empty for all. Both stand in the page's address. */
export interface Searched {
  readonly find: string;
  readonly request: string;
}

/** An id of this service's that is 128 bits: a session's, or the keyed hash of a viewer. */
const oneId = /^[A-Za-z0-9_-]{22}$/;

/** Whether a text can be the id of a session, or the keyed hash of a viewer. */
export function isId(text: string): boolean {
  return oneId.test(text);
}

export function searchedIn(fields: URLSearchParams): Searched {
  return { find: fields.get("find") ?? "", request: fields.get("request") ?? "" };
}

/** The overview's address with what it is searched for, and with what was done. */
export function overviewAt(searched: Partial<Searched>, more: Readonly<Record<string, string>> = {}): string {
  const fields = Object.entries({ ...searched, ...more }).filter(([, text]) => text !== "");
  return fields.length === 0 ? "/console" : `/console?${new URLSearchParams(fields)}`;
}

export interface SearchProps {
  readonly name: keyof Searched;
  /** What one is found by, for people. */
  readonly label: string;
  /** The same in the field, where there is less room. */
  readonly hint?: string;
  readonly longest: number;
  readonly searched: Searched;
}

/** A search on the overview, which keeps the other. It is a plain form, and the page's script only keeps the rest in place. */
export function Search({ name, label, hint = label, longest, searched }: SearchProps) {
  const id = `search-${name}`;
  return (
    <form class="search" method="get" action="/console" data-swap>
      <label class="hidden" for={id}>
        {label}
      </label>
      <Kept searched={{ ...searched, [name]: "" }} />
      <input
        id={id}
        name={name}
        type="search"
        value={searched[name]}
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

/** What a form takes with it, so that the page it leads to is searched as this one is. */
export function Kept({ searched }: { readonly searched: Searched }) {
  return (
    <>
      {Object.entries(searched).map(([name, text]) =>
        text === "" ? null : <input type="hidden" name={name} value={text} />,
      )}
    </>
  );
}
