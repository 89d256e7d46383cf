/** `longshore validate`: everything that is wrong with Compose files, without a broker. */
import type { Command } from 'commander'
import { releaseDigest } from '../../protocol/digest.ts'
import { parseApp } from '../arguments.ts'
import { loadCompose } from '../compose-file.ts'
import { type ComposeOptions, withComposeOptions } from '../compose-options.ts'
import { paint, remark, say, sayJson } from '../output.ts'

type Options = ComposeOptions & { app?: string; json?: boolean }

export const addValidate = (program: Command): void => {
  withComposeOptions(program.command('validate'))
    .description('check Compose files as deploy would, without a broker')
    .option('--app <app>', 'name of the app (default: the name of the folder)', parseApp)
    .option('--json', 'the model as JSON')
    .action(async ({ app, json, ...options }: Options) => {
      const { model, notes, names } = await loadCompose(options, app)
      const release = releaseDigest({ compose: model, files: {} })
      if (json === true) return sayJson({ release, notes, compose: model })
      for (const note of notes) remark(`note: ${note.path}: ${note.message}`)
      const count = Object.keys(model.services).length
      const services = `${count} ${count === 1 ? 'service' : 'services'}`
      say(`${names.join(', ')}: ${paint('green', 'valid')}, ${services}, release ${release}`)
    })
}
