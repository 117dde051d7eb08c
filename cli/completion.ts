import { type Command, commonOptions, endMisused, shownWord, succeeded } from "./lib/command.ts";

const shells = ["bash", "zsh", "fish"] as const;

/** `completion <shell>`: a script that completes the commands and their options. It needs the others to list them. */
export function completionCommand(commands: readonly Command[]): Command {
  const self: Command = {
    name: "completion",
    summary: "print a script that completes commands and options in bash, zsh or fish",
    operands: ["<shell>"],
    options: {},
    help: `Prints a script that completes the commands and options of \`stagedoor\` in bash, zsh or fish:

  alias stagedoor="npx stagedoor"            # unless stagedoor is on the PATH
  source <(npx stagedoor completion bash)    # in ~/.bashrc; zsh: the same in ~/.zshrc
  npx stagedoor completion fish | source     # in ~/.config/fish/config.fish`,
    run: async ({ operands: [name = ""] }) => {
      const shell = shells.find((known) => known === name);
      if (shell === undefined) return endMisused(`<shell> must be bash, zsh or fish, not ${shownWord(name)}.`);
      const all = [...commands, self];
      const script = shell === "fish" ? fishScript(all) : bashScript(all);
      const text = shell === "zsh" ? `autoload -U +X bashcompinit && bashcompinit\n${script}` : script;
      return succeeded(text, { shell, script: text });
    },
  };
  return self;
}

function optionsOf({ options }: Command): readonly string[] {
  return Object.keys({ ...options, ...commonOptions });
}

/** The second words of each first word; none for a command of one word. */
function groupsOf(commands: readonly Command[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, readonly string[]>();
  for (const { name } of commands) {
    const [first = "", ...rest] = name.split(" ");
    groups.set(first, [...(groups.get(first) ?? []), ...rest]);
  }
  return groups;
}

/** A pattern of one word before patterns of a group: the first that matches wins. Other words complete as file names. */
function bashScript(commands: readonly Command[]): string {
  const groups = groupsOf(commands);
  const ofCommands = commands.map((command) => {
    const pattern = command.name.includes(" ") ? `"${command.name}"` : `"${command.name} "*`;
    return `    ${pattern}) words="${optionsOf(command)
      .map((name) => `--${name}`)
      .join(" ")}" ;;`;
  });
  const ofGroups = [...groups].flatMap(([first, seconds]) =>
    seconds.length === 0 ? [] : [`    "${first} "*) [[ $COMP_CWORD == 2 ]] && words="${seconds.join(" ")}" ;;`],
  );
  return `_stagedoor() {
  local words=""
  [[ $COMP_CWORD == 1 ]] && words="${[...groups.keys()].join(" ")}" || case "\${COMP_WORDS[1]} \${COMP_WORDS[2]}" in
${[...ofCommands, ...ofGroups].join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _stagedoor stagedoor`;
}

function fishScript(commands: readonly Command[]): string {
  const groups = groupsOf(commands);
  const seen = (word: string) => `__fish_seen_subcommand_from ${word}`;
  const ofGroups = [...groups].flatMap(([first, seconds]) => {
    if (seconds.length === 0) return [];
    return [
      `complete -c stagedoor -f -n '${seen(first)}; and not ${seen(seconds.join(" "))}' -a '${seconds.join(" ")}'`,
    ];
  });
  const ofCommands = commands.flatMap((command) => {
    const condition = command.name.split(" ").map(seen).join("; and ");
    return optionsOf(command).map((name) => `complete -c stagedoor -n '${condition}' -l ${name}`);
  });
  const first = `complete -c stagedoor -f -n __fish_use_subcommand -a '${[...groups.keys()].join(" ")}'`;
  return [first, ...ofGroups, ...ofCommands].join("\n");
}
