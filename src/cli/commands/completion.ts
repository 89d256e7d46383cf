/** `longshore completion`: a script for the shell, made from the commands as they are. */
import { Argument, type Command } from 'commander'
import { say } from '../output.ts'

export const addCompletion = (program: Command): void => {
  program
    .command('completion')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(['bash', 'zsh', 'fish']))
    .addHelpText('after', '\nExample:\n  source <(longshore completion bash)')
    .action((shell: 'bash' | 'zsh' | 'fish') => say(scripts[shell](program)))
}

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
  [ "$COMP_CWORD" = 1 ] && words="${wordsOf(program).join(' ')}"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _longshore longshore`

const scripts: Readonly<Record<'bash' | 'zsh' | 'fish', (program: Command) => string>> = {
  bash,
  zsh: (program) => `autoload -U +X bashcompinit && bashcompinit\n${bash(program)}`,
  fish: (program) =>
    program.commands
      .flatMap((command) => [
        `complete -c longshore -f -n __fish_use_subcommand -a ${command.name()} -d '${command.description().replaceAll("'", '')}'`,
        ...command.options.flatMap(({ long, description }) =>
          long == null
            ? []
            : [
                `complete -c longshore -n '__fish_seen_subcommand_from ${command.name()}' -l ${long.slice(2)} -d '${description.replaceAll("'", '')}'`,
              ],
        ),
      ])
      .join('\n'),
}
