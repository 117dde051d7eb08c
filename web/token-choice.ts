import { describeToken } from "./bearer-token.ts";
import type { DemoToken } from "./demo.ts";
import { found } from "./element.ts";

const choice = found("token", HTMLSelectElement);
const pasted = found("pasted", HTMLInputElement);
const pastedField = found("pasted-field", HTMLElement);
const description = found("token-says", HTMLElement);

/**
 * Offers the tokens that stand ready, with the one that is wished for chosen, and a field for one of the viewer's own.
 * Gives back the one that is chosen.
 */
export function offerTokens(tokens: readonly DemoToken[], wished: string | null): () => string {
  choice.replaceChildren(
    ...tokens.map(({ id, label }) => new Option(label, id)),
    new Option("Paste a token of your own", "pasted"),
  );
  if (tokens.some(({ id }) => id === wished)) choice.value = wished ?? "";
  const chosen = () =>
    choice.value === "pasted" ? pasted.value.trim() : (tokens.find(({ id }) => id === choice.value)?.token ?? "");
  const show = () => {
    pastedField.hidden = choice.value !== "pasted";
    description.textContent = describeToken(chosen());
  };
  choice.addEventListener("change", () => {
    show();
    if (choice.value === "pasted") pasted.focus();
  });
  pasted.addEventListener("input", show);
  show();
  return chosen;
}
