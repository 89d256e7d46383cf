/** `longshore get`: what is deployed, as a Compose file, or a whole project folder, that can be deployed again. */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Command } from 'commander'
import type { Model } from '../../compose/model.ts'
import { writeCompose } from '../../compose/write.ts'
import { readState } from '../../fleet/read-state.ts'
import type { Assignment } from '../../protocol/deployment.ts'
import { LongshoreError } from '../../protocol/reason.ts'
import { parseApp, parseDevice } from '../arguments.ts'
import { type BrokerOptions, withBrokerOptions, withFleet } from '../context.ts'
import { remark, say, sayJson } from '../output.ts'

export const addGet = (program: Command): void => {
  withBrokerOptions(program.command('get'))
    .description('print the deployed Compose model as YAML, or write it with its files into a folder')
    .argument('<app>', 'name of the app', parseApp)
    .requiredOption('-d, --device <id>', 'device', parseDevice)
    .option('-o, --output <folder>', 'write the Compose file and the files beside it into a new folder')
    .option('--json', 'the whole deployment as JSON')
    .action(async (app: string, options: BrokerOptions & { device: string; output?: string }) => {
      const { device } = options
      const desired = await withFleet(options, async (fleet) => {
        const retained = await fleet.read([fleet.topics.desired(device, app)])
        return readState(fleet.topics, retained).get(device)?.apps.get(app)?.desired
      })
      if (desired === undefined || (desired.remove && options.json !== true))
        throw new LongshoreError(
          'app-unknown',
          desired === undefined
            ? `no app ${app} is assigned to ${device}`
            : `app ${app} is to be removed from ${device}`,
        )
      if (options.json === true) return sayJson(desired)
      if (desired.remove) return
      const text = writeCompose(desired.compose as Model)
      if (options.output !== undefined) return await writeProject(options.output, text, desired.files)
      process.stdout.write(text)
      const count = Object.keys(desired.files).length
      if (count > 0) remark(`${count} files stand beside it: --output FOLDER writes them too`)
    })
}

/** @throws LongshoreError usage where something is in the folder already: nothing is written over */
const writeProject = async (folder: string, text: string, files: Assignment['files']): Promise<void> => {
  await mkdir(folder, { recursive: true })
  if ((await readdir(folder)).length > 0)
    throw new LongshoreError('usage', `${folder} is not empty: name a folder that is new`)
  await writeFile(join(folder, 'compose.yaml'), text, { flag: 'wx' })
  for (const [path, { content, mode }] of Object.entries(files)) {
    // The paths were checked when the message was read: none leads out of the folder.
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), Buffer.from(content, 'base64'), { mode: Number.parseInt(mode, 8), flag: 'wx' })
  }
  say(`${join(folder, 'compose.yaml')} and ${Object.keys(files).length} files beside it`)
}
