import type { Searched } from "./searched.ts";

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
