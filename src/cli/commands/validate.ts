/** `longshore validate`: everything that is wrong with Compose files, without a broker. */
import type { Command } from 'commander'
import type { ReleaseFiles } from '../../project/collect-files.ts'
import { releaseDigest } from '../../protocol/digest.ts'
import { parseApp } from '../arguments.ts'
import { type ComposeOptions, withComposeOptions } from '../compose-options.ts'
import { paint, remark, say, sayJson } from '../output.ts'
import { prepareRelease } from '../prepare-release.ts'

type Options = ComposeOptions & { app?: string; json?: boolean }

export const addValidate = (program: Command): void => {
  withComposeOptions(program.command('validate'))
    .description('check Compose files as deploy would, without a broker')
    .option('--app <app>', 'name of the app (default: the name of the folder)', parseApp)
    .option('--json', 'the model as JSON')
    .action(async ({ app, json, ...options }: Options) => {
      const { compose, files, notes, names } = await prepareRelease(options, app)
      const release = releaseDigest({ compose, files })
      if (json === true) return sayJson({ release, notes, compose, files: summary(files) })
      for (const note of notes) remark(`note: ${note}`)
      const counts = [counted(Object.keys(compose.services).length, 'service'), ...fileCount(files)]
      say(`${names.join(', ')}: ${paint('green', 'valid')}, ${counts.join(', ')}, release ${release}`)
    })
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

const fileCount = (files: ReleaseFiles): string[] => {
  const count = Object.keys(files).length
  return count === 0 ? [] : [`${counted(count, 'file')} beside it`]
}

/** Contents are on this machine anyhow. */
const summary = (files: ReleaseFiles): object =>
  Object.fromEntries(Object.entries(files).map(([path, { sha256, mode }]) => [path, { sha256, mode }]))
