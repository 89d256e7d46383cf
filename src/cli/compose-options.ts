/** The options of every command that reads a project of Compose files. */
import type { Command } from 'commander'
import { collect } from './arguments.ts'

export type ComposeOptions = {
  readonly file?: readonly string[]
  readonly projectDirectory?: string
  readonly profile?: readonly string[]
  readonly set?: readonly string[]
  readonly envFile?: readonly string[]
  readonly envFromShell?: boolean
}

export const withComposeOptions = (command: Command): Command =>
  command
    .option(
      '-f, --file <file>',
      'Compose file, - reads standard input; may be given several times, later ones are merged over earlier ones (default: compose.yaml and the like, and its override)',
      collect,
    )
    .option(
      '--project-directory <folder>',
      'what relative paths and .env refer to (default: the folder of the first file)',
    )
    .option(
      '--profile <name>',
      'a profile to take services of, * for all; may be given several times (default: $COMPOSE_PROFILES of .env)',
      collect,
    )
    .option('--set <key=value>', 'a variable for ${KEY} in the files; may be given several times', collect)
    .option(
      '--env-file <file>',
      'a file of variables, instead of .env in the project directory; may be given several times',
      collect,
    )
    .option('--env-from-shell', 'take variables from the environment of this command too, over .env and --env-file')
