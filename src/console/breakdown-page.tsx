import { ok, type Refusal, type Result } from "../base/result.ts";
import { refusalCodes } from "../http/problems.ts";
import { type GroupBy, groupings } from "../metrics/gathered.ts";
import { otherGroups } from "../metrics/group-counts.ts";
import { countOf, formatNumber, sumsOf } from "../operator/counts.ts";
import { type GroupLine, listGroups } from "../operator/list-groups.ts";
import type { PageHandler } from "./console-request.ts";
import { countryName } from "./format.ts";
import { Frame } from "./frame.tsx";
import { page } from "./page-response.tsx";
import { Code, Unavailable } from "./parts.tsx";
import { overviewUrl } from "./search.tsx";

/** How many groups the page shows. */
const mostShown = 50;

const nameOf: Readonly<Record<GroupBy, string>> = {
  ...{ asset: "Asset", country: "Country", asn: "Network", player: "Player" },
};

/** The running sessions and the refusals of the last hour by asset, country, network or player. */
export const showBreakdown: PageHandler = async ({ operator, request: { query } }, context) => {
  const by = groupings.find((one) => one === query.get("by")) ?? "asset";
  const code = refusalCodes.find((one) => one === query.get("code"));
  const groups = await listGroups(by, context, code);
  return ok(page(<BreakdownPage {...{ by, code, groups, operator }} />));
};

interface BreakdownProps {
  readonly by: GroupBy;
  readonly code: string | undefined;
  readonly groups: Result<readonly GroupLine[], Refusal>;
  readonly operator: string;
}

function BreakdownPage({ by, code, groups, operator }: BreakdownProps) {
  return (
    <Frame title="Breakdown" at="breakdown" operator={operator} live>
      <section aria-labelledby="breakdown-title">
        <h1 id="breakdown-title">{code === undefined ? "Refused in the last hour" : `${code} in the last hour`}</h1>
        <nav class="tabs" aria-label="Group by">
          {groupings.map((one) => (
            <a
              id={`by-${one}`}
              href={`/console/breakdown?${new URLSearchParams({ by: one, ...(code !== undefined && { code }) })}`}
              {...(one === by ? { "aria-current": "true" } : {})}
            >
              {nameOf[one]}
            </a>
          ))}
        </nav>
        <div id="breakdown-now" data-live>
          {groups.ok ? (
            <Groups by={by} code={code} groups={groups.value} />
          ) : (
            <Unavailable what="The groups" refusal={groups.refusal} />
          )}
        </div>
      </section>
    </Frame>
  );
}

type GroupsProps = Pick<BreakdownProps, "by" | "code"> & { readonly groups: readonly GroupLine[] };

function Groups({ by, code, groups }: GroupsProps) {
  if (groups.length === 0) return <p class="empty">No session runs, and nothing was refused.</p>;
  const codes = sumsOf(groups.map(({ refused }) => refused)).map(([one]) => one);
  const isObserving = groups.some(({ observed }) => Object.keys(observed).length > 0);
  return (
    <>
      <p class="fine">
        {countOf(groups.length, "group")}
        {groups.length > mostShown ? `; the ${mostShown} with the most refusals are shown` : ""}. A row opens its
        sessions and last refusals.
      </p>
      <p class="fine">
        {code !== undefined ? (
          <a class="tab" id="all-codes" href={`/console/breakdown?${new URLSearchParams({ by })}`}>
            All codes
          </a>
        ) : (
          codes.slice(0, 5).map((one, place) => [
            place === 0 ? "Only " : " · ",
            <a class="tab" href={`/console/breakdown?${new URLSearchParams({ by, code: one })}`}>
              {one}
            </a>,
          ])
        )}
      </p>
      <table class="rows groups" aria-labelledby="breakdown-title">
        <thead>
          <tr>
            <th scope="col">{nameOf[by]}</th>
            <th scope="col">Watching</th>
            <th scope="col">Refused</th>
            <th scope="col">Whose fault</th>
            <th scope="col">Most often</th>
            {isObserving ? <th scope="col">Served, would be refused</th> : null}
          </tr>
        </thead>
        <tbody>
          {groups.slice(0, mostShown).map((group) => (
            <Row {...{ by, group, isObserving }} />
          ))}
        </tbody>
      </table>
    </>
  );
}

const whose = { ours: "ours", origin: "the origin's", provider: "the provider's", viewer: "viewers'" } as const;

interface RowProps extends Pick<BreakdownProps, "by"> {
  readonly group: GroupLine;
  readonly isObserving: boolean;
}

function Row({ by, group, isObserving }: RowProps) {
  const { value, watching, total, causes, refused, observed } = group;
  const name = by === "country" ? (countryName(value) ?? value) : value;
  const faults = (["ours", "origin", "provider", "viewer"] as const).filter((cause) => causes[cause] > 0);
  const [often] = sumsOf([refused]);
  return (
    <tr>
      <th scope="row">
        {value === otherGroups ? (
          <span title="Groups beyond the limit of this list">{name}</span>
        ) : (
          <a class="tab" id={`group-${value}`} href={`${overviewUrl({ find: value, request: value })}#refusals`}>
            {name}
          </a>
        )}
      </th>
      <td data-of="Watching">{formatNumber(watching)}</td>
      <td data-of="Refused">{formatNumber(total)}</td>
      <td data-of="Whose fault">
        {faults.map((cause) => `${formatNumber(causes[cause])} ${whose[cause]}`).join(", ")}
      </td>
      <td data-of="Most often">{often === undefined ? null : <Code code={often[0]} />}</td>
      {isObserving ? (
        <td data-of="Served, would be refused">
          {sumsOf([observed])
            .map(([one, count]) => `${one} ${formatNumber(count)}`)
            .join(", ")}
        </td>
      ) : null}
    </tr>
  );
}
