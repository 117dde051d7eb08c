/** What one is found by: the parameter of the page's address, and its name for people. */
export interface Searched {
  readonly name: "find" | "request";
  readonly label: string;
  readonly longest: number;
}

/** A search on the overview. It is a plain form, and the page's script only keeps the rest of the page in place. */
export function Search({ name, label, longest, asked }: Searched & { readonly asked: string }) {
  const id = `search-${name}`;
  return (
    <form class="search" method="get" action="/console" data-swap>
      <label class="hidden" for={id}>
        {label}
      </label>
      <input
        id={id}
        name={name}
        type="search"
        value={asked}
        placeholder={label}
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
