/** `longshore remove`: the end of an app on a device. */
import type { Command } from 'commander'
import { assignRemoval } from '../../fleet/deploy.ts'
import type { Fleet } from '../../fleet/fleet.ts'
import { LongshoreError, reasonOf } from '../../protocol/reason.ts'
import { collectDevices, operator, parseApp, parseSeconds } from '../arguments.ts'
import { type BrokerOptions, withBrokerOptions, withFleet } from '../context.ts'
import { exitCode, exitCodeOf, remark, say, sayJson } from '../output.ts'
import { type Sent, showFailure, waitForAll } from './deploy.ts'

type Options = BrokerOptions & { device: string[]; volumes?: boolean; now?: boolean; wait: boolean; timeout: number }

export const addRemove = (program: Command): void => {
  withBrokerOptions(program.command('remove'))
    .description('remove an app from devices; its named volumes stay')
    .argument('<app>', 'name of the app', parseApp)
    .requiredOption('-d, --device <id>', 'device; may be given several times', collectDevices)
    .option('--volumes', 'remove its named volumes too, with all data in them')
    .option('--now', 'whatever holds or locks it')
    .option('--no-wait', 'do not wait until it is gone')
    .option('--timeout <seconds>', 'how long to wait', parseSeconds, 120)
    .option('--json', 'one line of JSON an event, and one for the result')
    .action(async (app: string, options: Options) => {
      const json = options.json === true
      process.exitCode = await withFleet(options, async (fleet) => {
        // All are told before any is waited for: one that is offline must not keep the others waiting.
        const told = await Promise.all(options.device.map((device) => removeFrom(fleet, device, app, options)))
        const sent = told.filter((result) => 'deployed' in result)
        const codes = told.flatMap((result) => ('error' in result ? [exitCodeOf(reasonOf(result.error).code)] : []))
        for (const result of told) {
          if ('deployed' in result) announce(app, result, json)
          else if (json) sayJson({ event: 'failed', device: result.device, reason: reasonOf(result.error) })
          else showFailure(result.device, result.error)
        }
        if (!options.wait) return Math.max(exitCode.done, ...codes)
        const endings = await waitForAll(fleet, sent, options.timeout * 1000, json)
        for (const [index, { device }] of sent.entries()) {
          // Said and done: without the instruction the device forgets the app too.
          if (endings[index] === exitCode.done)
            await fleet.publish(fleet.topics.desired(device, app), Buffer.alloc(0), { retain: true })
          else if (!json) remark(`${device}: the instruction stays on the broker until the device has followed it`)
        }
        return Math.max(exitCode.done, ...codes, ...endings)
      })
    })
}

const removeFrom = async (
  fleet: Fleet,
  device: string,
  app: string,
  { volumes, now }: Options,
): Promise<Sent | { device: string; error: unknown }> => {
  try {
    const { topics } = fleet
    const known = await fleet.read([topics.desired(device, app), topics.reported(device, app)])
    // A name mistyped must not leave an instruction on the broker for ever.
    if (known.size === 0) throw new LongshoreError('app-unknown', `${device}: no app ${app} is assigned to it`)
    const input = { device, app, by: operator(), now: Date.now() }
    return {
      device,
      deployed: await assignRemoval(fleet, { volumes: volumes === true, ...(now === true ? { now } : {}) }, input),
    }
  } catch (error) {
    return { device, error }
  }
}

const announce = (app: string, { device, deployed }: Sent, json: boolean): void => {
  const { generation } = deployed.deployment
  if (json) sayJson({ event: 'removing', device, app, generation, online: deployed.isOnline ?? null })
  else say(`${device}: ${app} is to be removed`)
  if (!json && deployed.isOnline !== true) remark(`${device} is offline and does it when it is back`)
}
