/** `longshore get`: what is deployed, as a Compose file, or a whole project folder, that can be deployed again. */
import type { Command } from 'commander'
import type { Model } from '../../compose/model.ts'
import { writeCompose } from '../../compose/write.ts'
import { readState } from '../../fleet/read-state.ts'
import { LongshoreError } from '../../protocol/reason.ts'
import { parseApp, parseDevice } from '../arguments.ts'
import { type BrokerOptions, withBrokerOptions, withFleet } from '../context.ts'
import { remark, say, sayJson } from '../output.ts'
import { writeProject } from '../write-project.ts'

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
      if (options.output !== undefined) return say(await writeProject(options.output, text, desired.files))
      process.stdout.write(text)
      const count = Object.keys(desired.files).length
      if (count > 0) remark(`${count} files stand beside it: --output FOLDER writes them too`)
    })
}
