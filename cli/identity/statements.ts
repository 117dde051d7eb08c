/** The statements of a migration: each ends with a semicolon at the end of a line, as better-auth writes them. */
export function splitStatements(sql: string): readonly string[] {
  return sql
    .split(/;\s*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");
}
