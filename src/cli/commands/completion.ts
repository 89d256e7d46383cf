/** `longshore completion`: a script for the shell, made from the commands as they are. */
import { Argument, type Command, Option } from 'commander'
import { completeNames, type NamesWanted, nameKinds } from '../complete-names.ts'
import { exitCode, say } from '../output.ts'

export const addCompletion = (program: Command): void => {
  program
    .command('completion')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(['bash', 'zsh', 'fish']))
    // What the script itself asks for.
    .addOption(new Option('--names <kind>').choices(nameKinds).hideHelp())
    .addOption(new Option('--device <id>').hideHelp())
    .addOption(new Option('--app <app>').hideHelp())
    .addOption(new Option('--broker <url>').hideHelp())
    .addOption(new Option('--context <name>').hideHelp())
    .addHelpText('after', '\nExample:\n  source <(longshore completion bash)')
    .action(async (shell: 'bash' | 'zsh' | 'fish', { names, ...scope }: Partial<NamesWanted>) => {
      if (names === undefined) return say(scripts[shell](program))
      // Somebody waits with a finger on a key.
      setTimeout(() => process.exit(exitCode.noAnswer), namesWithinMs).unref()
      for (const name of await completeNames({ names, ...scope })) say(name)
    })
}

const namesWithinMs = 3_000

/** Every command that has commands of its own, with each of them. */
const pairsOf = (program: Command) =>
  program.commands.flatMap((parent) => parent.commands.map((command) => ({ parent, command })))

const wordsOf = (command: Command): string[] => [
  ...command.commands.map((sub) => sub.name()),
  ...command.options.flatMap(({ long, hidden }) => (long == null || hidden ? [] : [long])),
  '--help',
]

/** Commands by the argument that they have at a place, counted from 0. */
const commandsWith = (program: Command, place: number, argument: string): string =>
  program.commands
    .filter(({ registeredArguments }) => registeredArguments[place]?.name() === argument)
    .map((command) => command.name())
    .join('|')

const bash = (program: Command): string => `_longshore_names() {
  local at scope=()
  for ((at = 2; at < COMP_CWORD; at++)); do
    case \${COMP_WORDS[at]} in
      -d|--device) scope+=(--device "\${COMP_WORDS[at+1]}") ;;
      --broker|--context) scope+=("\${COMP_WORDS[at]}" "\${COMP_WORDS[at+1]}") ;;
    esac
  done
  longshore completion bash --names "$@" "\${scope[@]}" 2>/dev/null
}
_longshore() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  case $previous in
    -f|--file|--env-file|--config|--password-file|--ca|--cert|--key) COMPREPLY=($(compgen -f -- "$current")); return ;;
    --project-directory) COMPREPLY=($(compgen -d -- "$current")); return ;;
    -d|--device) COMPREPLY=($(compgen -W "$(_longshore_names devices)" -- "$current")); return ;;
  esac
  local words="${wordsOf(program).join(' ')}"
  case \${COMP_WORDS[1]} in
${program.commands.map((command) => `    ${command.name()}) words="${wordsOf(command).join(' ')}" ;;`).join('\n')}
  esac
  [ "$COMP_CWORD" -gt 2 ] && case "\${COMP_WORDS[1]} \${COMP_WORDS[2]}" in
${pairsOf(program)
  .map(({ parent, command }) => `    "${parent.name()} ${command.name()}") words="${wordsOf(command).join(' ')}" ;;`)
  .join('\n')}
  esac
  if [ "\${current#-}" = "$current" ]; then
    case "\${COMP_WORDS[1]} $COMP_CWORD" in
${appLines(program)}
    esac
  fi
  [ "$COMP_CWORD" = 1 ] && words="${wordsOf(program).join(' ')}"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _longshore longshore`

const appLines = (program: Command): string =>
  [
    ...alternatives(commandsWith(program, 0, 'app'), 2, '_longshore_names apps'),
    ...alternatives(commandsWith(program, 1, 'service'), 3, '_longshore_names services --app "${COMP_WORDS[2]}"'),
  ].join('\n')

const alternatives = (commands: string, place: number, names: string): string[] =>
  commands === ''
    ? []
    : [
        `      ${commands
          .split('|')
          .map((command) => `"${command} ${place}"`)
          .join('|')}) words="$(${names})" ;;`,
      ]

const scripts: Readonly<Record<'bash' | 'zsh' | 'fish', (program: Command) => string>> = {
  bash,
  zsh: (program) => `autoload -U +X bashcompinit && bashcompinit\n${bash(program)}`,
  fish: (program) =>
    [
      ...program.commands.flatMap((command) => [
        fishLine(command, '__fish_use_subcommand'),
        ...command.options.flatMap((option) => fishOption(option, `'__fish_seen_subcommand_from ${command.name()}'`)),
      ]),
      ...pairsOf(program).flatMap(({ parent, command }) => {
        const names = parent.commands.map((sub) => sub.name()).join(' ')
        const isParent = `__fish_seen_subcommand_from ${parent.name()}`
        return [
          fishLine(command, `'${isParent}; and not __fish_seen_subcommand_from ${names}'`),
          ...command.options.flatMap((option) =>
            fishOption(option, `'${isParent}; and __fish_seen_subcommand_from ${command.name()}'`),
          ),
        ]
      }),
    ].join('\n'),
}

const fishLine = (command: Command, condition: string): string =>
  `complete -c longshore -f -n ${condition} -a ${command.name()} -d '${plain(command.description())}'`

const fishOption = ({ long, description, hidden }: Option, condition: string): string[] =>
  long == null || hidden ? [] : [`complete -c longshore -n ${condition} -l ${long.slice(2)} -d '${plain(description)}'`]

const plain = (text: string): string => text.replaceAll("'", '')
