/** `longshore remove`: the end of an app on a device. */
import type { Command } from 'commander'
import { assignRemoval } from '../../fleet/deploy.ts'
import { collectDevices, operator, parseApp, parseSeconds } from '../arguments.ts'
import { type BrokerOptions, withBrokerOptions, withFleet } from '../context.ts'
import { exitCode, remark, say, sayJson } from '../output.ts'
import { waitForAll } from './deploy.ts'

type Options = BrokerOptions & { device: string[]; volumes?: boolean; wait: boolean; timeout: number }

export const addRemove = (program: Command): void => {
  withBrokerOptions(program.command('remove'))
    .description('remove an app from devices; its named volumes stay')
    .argument('<app>', 'name of the app', parseApp)
    .requiredOption('-d, --device <id>', 'device; may be given several times', collectDevices)
    .option('--volumes', 'remove its named volumes too, with all data in them')
    .option('--no-wait', 'do not wait until it is gone')
    .option('--timeout <seconds>', 'how long to wait', parseSeconds, 120)
    .option('--json', 'one line of JSON an event, and one for the result')
    .action(async (app: string, options: Options) => {
      const json = options.json === true
      process.exitCode = await withFleet(options, async (fleet) => {
        const codes: number[] = []
        for (const device of options.device) {
          const deployed = await assignRemoval(fleet, options.volumes === true, {
            device,
            app,
            by: operator(),
            now: Date.now(),
          })
          if (json) sayJson({ event: 'removing', device, app, generation: deployed.deployment.generation })
          else
            say(
              `${device}: ${app} is to be removed${deployed.isOnline === true ? '' : '; the device is offline and does it when it is back'}`,
            )
          if (!options.wait) continue
          const [code = exitCode.done] = await waitForAll(fleet, [{ device, deployed }], options.timeout * 1000, json)
          codes.push(code)
          // Said and done: without the instruction the device forgets the app too.
          if (code === exitCode.done)
            await fleet.publish(fleet.topics.desired(device, app), Buffer.alloc(0), { retain: true })
          else if (!json)
            remark(`${device}: the instruction stays on the broker; run the command again to see it through`)
        }
        return Math.max(exitCode.done, ...codes)
      })
    })
}
