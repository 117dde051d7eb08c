import { type Advice, adviceFor, type Refusal } from "./refusals.ts";
import { Refused, type StartOptions } from "./stream.ts";

/** Plays a stream in an element of the page, and resolves with a function that stops it. */
type Mount = (
  stage: HTMLElement,
  options: StartOptions & { readonly onStop: (refusal: Refusal | undefined) => void },
) => Promise<() => void>;

/** What `npm start` offers to try: a site has its own list of films, and tokens from its sign-in. */
interface Choices {
  readonly apiPath: string;
  readonly streams: readonly { readonly id: string; readonly title: string; readonly playable: boolean }[];
  readonly tokens: readonly { readonly label: string; readonly token: string }[];
}

/** Builds the page around an example: the choice of film and viewer, what happens, and the example's code. */
export async function showExample(mount: Mount): Promise<void> {
  const main = document.querySelector("main") ?? document.body;
  const choices: Choices = JSON.parse(await textAt("/demo.json"));
  const film = selectOf(
    choices.streams.flatMap(({ id, title, playable }) => (playable ? [{ label: title || id, value: id }] : [])),
  );
  const viewer = selectOf(choices.tokens.map(({ label, token }) => ({ label, value: token })));
  const form = element("form", {}, labelled("Film", film), labelled("Viewer", viewer));
  form.append(element("button", { className: "button primary" }, "Play"));
  const stage = element("div", { className: "stage" });
  const status = element("p", { role: "status" }, "Choose a film and press Play.");
  main.replaceChildren(element("div", { className: "watch" }, form, stage, status), await codeOf(main.dataset.source));

  let attempt = 0;
  let stop = (): void => undefined;

  async function play(takeover = false, position = 0): Promise<void> {
    const current = ++attempt;
    stopPlayer();
    say("Starting …");
    stage.addEventListener("loadedmetadata", ({ target }) => seek(target, position), { capture: true, once: true });
    const onStop = (refusal: Refusal | undefined) => {
      if (current === attempt) end(refusal);
    };
    const token = async () => viewer.value;
    const api = location.origin + choices.apiPath;
    try {
      const stopThis = await mount(stage, { api, token, asset: film.value, takeover, onStop });
      if (current === attempt) stop = stopThis;
      else stopThis();
    } catch (error) {
      onStop(error instanceof Refused ? error.refusal : undefined);
    }
  }

  function end(refusal: Refusal | undefined): void {
    attempt++;
    const position = stage.querySelector("video")?.currentTime ?? 0;
    stopPlayer();
    const { text, offer } = adviceFor(refusal);
    say(text);
    if (refusal !== undefined)
      status.append(" ", element("code", {}, [refusal.code, refusal.requestId].filter(Boolean).join(", ")));
    if (offer === undefined) return;
    const button = element("button", { type: "button", className: "button" }, offer);
    button.addEventListener("click", () => accept(offer, position));
    status.append(button);
  }

  function accept(offer: NonNullable<Advice["offer"]>, position: number): void {
    // A site opens its sign-in here. The first viewer of the list has a valid token.
    if (offer === "Sign in") viewer.selectedIndex = 0;
    void play(offer === "Play here instead", position);
  }

  function stopPlayer(): void {
    stop();
    stop = () => undefined;
    stage.replaceChildren();
  }

  const say = (text: string) => status.replaceChildren(text);

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void play();
  });
  // Media events do not bubble, and a player may replace the video.
  stage.addEventListener("playing", () => say("Playing."), { capture: true });
  stage.addEventListener("ended", () => say("Played to the end."), { capture: true });
  addEventListener("pagehide", stopPlayer);
}

/** A new video element in the stage. */
export function videoIn(stage: HTMLElement): HTMLVideoElement {
  const video = element("video", { controls: true, autoplay: true, playsInline: true });
  stage.replaceChildren(video);
  return video;
}

/** Continues where the viewer was. A live stream continues at its live edge. */
function seek(target: EventTarget | null, position: number): void {
  if (target instanceof HTMLVideoElement && position > 0 && Number.isFinite(target.duration))
    target.currentTime = position;
}

function selectOf(options: readonly { readonly label: string; readonly value: string }[]): HTMLSelectElement {
  return element("select", {}, ...options.map(({ label, value }) => new Option(label, value)));
}

function labelled(text: string, control: HTMLElement): HTMLElement {
  return element("label", {}, element("span", {}, text), control);
}

async function codeOf(file = ""): Promise<HTMLElement> {
  const heading = element("h2", { id: "code" }, file);
  const code = element("pre", { tabIndex: 0, role: "region" }, element("code", {}, await textAt(`${file}?source`)));
  code.setAttribute("aria-labelledby", "code");
  return element("section", { className: "code" }, heading, code);
}

async function textAt(address: string): Promise<string> {
  return (await fetch(address)).text();
}

function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Partial<HTMLElementTagNameMap[Name]>,
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}
