import { prepareAccount } from "./account/account.ts";
import { type Demo, loadDemo } from "./demo-data.ts";
import { elementById } from "./element.ts";
import { watch } from "./request-list.ts";
import { apiDown, say } from "./status.ts";
import { followVideo, start, stopAfterSignOut } from "./stream.ts";
import { offerStreams } from "./stream-choice.ts";
import { offerTokens, type TokenChoice } from "./token-choice.ts";

const form = elementById("start", HTMLFormElement);

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
    [demo] = await Promise.all([loadDemo(), account.refresh()]);
  } catch {
    say(apiDown, "bad");
    return;
  }
  elementById("media-host", HTMLElement).textContent = demo.mediaUrl.replace(/^https?:\/\//, "");
  elementById("api-host", HTMLElement).textContent = location.host;
  elementById("api-url", HTMLElement).textContent = location.origin + demo.apiPath;
  const parameters = new URLSearchParams(location.search);
  const asset = offerStreams(demo.streams, parameters.get("stream"));
  const tokens = offerTokens(demo.tokens, parameters.get("token"), account);
  if (parameters.get("token") === null && account.email() !== undefined) tokens.chooseAccount();
  choice = tokens;
  followVideo();
  const play = (takeover: boolean) =>
    void start(demo.apiPath, { asset: asset(), credential: tokens.chosen(), takeover }, () => void account.refresh());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    play(false);
  });
  elementById("take-over", HTMLButtonElement).addEventListener("click", () => play(true));
  elementById("play", HTMLButtonElement).disabled = false;
  say("Ready.");
}

void begin();
