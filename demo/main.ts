import { prepareAccount } from "./account/account.ts";
import { type Demo, loadDemo } from "./demo-data.ts";
import { found } from "./element.ts";
import { watch } from "./request-list.ts";
import { apiDown, say } from "./status.ts";
import { followVideo, start, stopAfterSignOut } from "./stream.ts";
import { offerStreams } from "./stream-choice.ts";
import { offerTokens, type TokenChoice } from "./token-choice.ts";

const form = found("start", HTMLFormElement);

async function begin(): Promise<void> {
  let choice: TokenChoice | undefined;
  const account = prepareAccount({
    watch,
    say,
    onSignedIn: () => choice?.chooseAccount(),
    onSignedOut: () => void stopAfterSignOut(),
    onChange: () => choice?.describe(),
  });
  let demo: Demo;
  try {
    [demo] = await Promise.all([loadDemo(), account.look()]);
  } catch {
    say(apiDown, "bad");
    return;
  }
  found("media-host", HTMLElement).textContent = demo.mediaUrl.replace(/^https?:\/\//, "");
  found("api-host", HTMLElement).textContent = location.host;
  const wished = new URLSearchParams(location.search);
  const asset = offerStreams(demo.streams, wished.get("stream"));
  const tokens = offerTokens(demo.tokens, wished.get("token"), account);
  if (wished.get("token") === null && account.email() !== undefined) tokens.chooseAccount();
  choice = tokens;
  followVideo();
  const press = (takeover: boolean) =>
    void start(demo.apiPath, { asset: asset(), credential: tokens.chosen(), takeover }, () => void account.look());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    press(false);
  });
  found("take-over", HTMLButtonElement).addEventListener("click", () => press(true));
  found("play", HTMLButtonElement).disabled = false;
  say("Ready.");
}

void begin();
