/**
 * The delivery directives (RFC 8216bis §6.2.5) among the parameters that a player appended to a playlist's URL, as a
 * query without `?`: `_HLS_msn` and `_HLS_part` with whole numbers, `_HLS_skip` with YES or v2, each at most once, in one
 * order. They are not signed, since the player makes them up as it goes; all else that was appended is left behind.
 */
export function deliveryDirectives(appended: string): string {
  const found: { [name: string]: string } = {};
  for (const pair of appended.split("&")) {
    const mark = pair.indexOf("=");
    const name = pair.slice(0, mark);
    const value = pair.slice(mark + 1);
    if ((name === "_HLS_msn" || name === "_HLS_part") && isWholeNumber(value)) found[name] ??= value;
    if (name === "_HLS_skip" && (value === "YES" || value === "v2")) found[name] ??= value;
  }
  const names = ["_HLS_msn", "_HLS_part", "_HLS_skip"].filter((name) => found[name] !== undefined);
  return names.map((name) => `${name}=${found[name]}`).join("&");
}

function isWholeNumber(text: string): boolean {
  return text.length > 0 && text.length <= 15 && [...text].every((digit) => digit >= "0" && digit <= "9");
}
