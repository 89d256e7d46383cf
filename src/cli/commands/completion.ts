/** `longshore completion`: a script for the shell, made from the commands as they are. */
import { Argument, type Command, type Option } from 'commander'
import { say } from '../output.ts'

export const addCompletion = (program: Command): void => {
  program
    .command('completion')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(['bash', 'zsh', 'fish']))
    .addHelpText('after', '\nExample:\n  source <(longshore completion bash)')
    .action((shell: 'bash' | 'zsh' | 'fish') => say(scripts[shell](program)))
}

/** Every command that has commands of its own, with each of them. */
const pairsOf = (program: Command) =>
  program.commands.flatMap((parent) => parent.commands.map((command) => ({ parent, command })))

const wordsOf = (command: Command): string[] => [
  ...command.commands.map((sub) => sub.name()),
  ...command.options.flatMap(({ long }) => (long == null ? [] : [long])),
  '--help',
]

const bash = (program: Command): string => `_longshore() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  case $previous in
    -f|--file|--env-file|--config|--password-file|--ca|--cert|--key) COMPREPLY=($(compgen -f -- "$current")); return ;;
    --project-directory) COMPREPLY=($(compgen -d -- "$current")); return ;;
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
  [ "$COMP_CWORD" = 1 ] && words="${wordsOf(program).join(' ')}"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _longshore longshore`

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

const fishOption = ({ long, description }: Option, condition: string): string[] =>
  long == null ? [] : [`complete -c longshore -n ${condition} -l ${long.slice(2)} -d '${plain(description)}'`]

const plain = (text: string): string => text.replaceAll("'", '')
