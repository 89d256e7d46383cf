/** `longshore validate`: everything that is wrong with a Compose file, without a broker. */
import { basename, dirname, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { releaseDigest } from '../../protocol/digest.ts'
import { collect, parseApp } from '../arguments.ts'
import { loadCompose } from '../compose-file.ts'
import { paint, remark, say, sayJson } from '../output.ts'

type Options = { file: string; app?: string; set?: string[]; envFile?: string[]; json?: boolean }

export const addValidate = (program: Command): void => {
  program
    .command('validate')
    .description('check a Compose file as deploy would, without a broker')
    .addOption(new Option('-f, --file <file>', 'Compose file; - reads standard input').default('compose.yaml'))
    .option('--app <app>', 'name of the app (default: the name of the folder)', parseApp)
    .option('--set <key=value>', 'a variable for ${KEY} in the file; may be given several times', collect)
    .option('--env-file <file>', 'a file of variables, instead of .env beside the Compose file', collect)
    .option('--json', 'the model as JSON')
    .action(async (options: Options) => {
      const app = options.app ?? folderName(options.file)
      const { model, notes } = await loadCompose({
        file: options.file,
        app,
        set: options.set ?? [],
        envFiles: options.envFile,
      })
      const release = releaseDigest({ compose: model, files: {} })
      if (options.json === true) return sayJson({ release, notes, compose: model })
      for (const note of notes) remark(`note: ${note.path}: ${note.message}`)
      say(
        `${options.file}: ${paint('green', 'valid')}, ${Object.keys(model.services).length} services, release ${release}`,
      )
    })
}

/** Compose's own default project name: the folder, in the letters that a project name may have. */
const folderName = (file: string): string => {
  const folder = file === '-' ? process.cwd() : dirname(resolve(file))
  return (
    basename(folder)
      .toLowerCase()
      .replace(/[^a-z0-9_-]/g, '')
      .replace(/^[_-]+/, '')
      .slice(0, 63) || 'app'
  )
}
