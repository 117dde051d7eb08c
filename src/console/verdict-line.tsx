import { Mark } from "./marks.tsx";
import { sumOf } from "./refusal-counts.ts";
import { type Overview, verdictOf } from "./verdict.ts";
import { numberWords } from "./words.ts";

/** The verdict, and the figures that lead to what stands below. */
export function VerdictLine({ overview }: { readonly overview: Overview }) {
  const { level, words, why } = verdictOf(overview);
  const { watching, refusals } = overview;
  return (
    <div id="verdict" class={`verdict wide ${level}`} data-live>
      <Mark level={level} />
      <h1>{words}</h1>
      <p class="why">{why}</p>
      <div class="figures">
        <a href="#sessions" id="watching">
          <b>{watching === undefined ? "–" : numberWords(watching)}</b>
          <span>watching</span>
        </a>
        <a href="#refusals" id="refused">
          <b>{refusals.ok ? numberWords(sumOf(refusals.value)) : "–"}</b>
          <span>refused</span>
        </a>
      </div>
    </div>
  );
}
