/** `longshore rollback`: an older release that the device keeps, deployed again whole, with the images it ran with. */
import type { Command } from 'commander'
import { z } from 'zod'
import { ask } from '../../fleet/command.ts'
import { deploy } from '../../fleet/deploy.ts'
import type { Fleet } from '../../fleet/fleet.ts'
import { assignmentSchema } from '../../protocol/deployment.ts'
import { releaseDigest } from '../../protocol/digest.ts'
import { digestSchema } from '../../protocol/names.ts'
import { LongshoreError, reasonOf } from '../../protocol/reason.ts'
import { collectDevices, operator, parseApp, parseSeconds } from '../arguments.ts'
import { answered } from '../ask-devices.ts'
import { type BrokerOptions, withBrokerOptions, withFleet } from '../context.ts'
import { shortRelease } from '../describe-app.ts'
import { exitCode, exitCodeOf, remark, sayJson } from '../output.ts'
import { announce, type Sent, showFailure, waitForAll } from './deploy.ts'

type Options = BrokerOptions & { device: string[]; to?: string; wait: boolean; timeout: number; now?: boolean }

const resultSchema = z.object({
  release: digestSchema,
  compose: assignmentSchema.shape.compose,
  files: assignmentSchema.shape.files,
})

export const addRollback = (program: Command): void => {
  withBrokerOptions(program.command('rollback'))
    .description('deploy an older release again that a device keeps: by default the last other one that succeeded')
    .argument('<app>', 'name of the app', parseApp)
    .requiredOption('-d, --device <id>', 'device; may be given several times', collectDevices)
    .option('--to <release>', 'this release, by the beginning of its digest: see longshore history')
    .option('--now', 'do not wait for windows, locks and holds')
    .option('--no-wait', 'do not wait for the outcome')
    .option('--timeout <seconds>', 'how long to wait', parseSeconds, 600)
    .option('--json', 'one line of JSON an event, and one for the result')
    .action(async (app: string, options: Options) => {
      const json = options.json === true
      process.exitCode = await withFleet(options, async (fleet) => {
        const results = await Promise.all(options.device.map((device) => rollBack(fleet, device, app, options)))
        const sent = results.filter((result) => 'deployed' in result)
        const codes = results.flatMap((result) => ('error' in result ? [exitCodeOf(reasonOf(result.error).code)] : []))
        for (const result of results) {
          if ('deployed' in result) announce(app, result, json)
          else if (json) sayJson({ event: 'failed', device: result.device, reason: reasonOf(result.error) })
          else showFailure(result.device, result.error)
        }
        if (options.wait) codes.push(...(await waitForAll(fleet, sent, options.timeout * 1000, json)))
        return Math.max(exitCode.done, ...codes)
      })
    })
}

/** The device says which release it is and what is in it; published whole, so that what is retained is complete. */
const rollBack = async (
  fleet: Fleet,
  device: string,
  app: string,
  { to, now, json }: Options,
): Promise<Sent | { device: string; error: unknown }> => {
  try {
    const args = { app, ...(to === undefined ? {} : { release: to }) }
    const reply = await ask(fleet, { device, verb: 'release', args, timeoutMs: 15_000, now: Date.now() })
    const result = resultSchema.safeParse(answered(device, reply).result)
    if (!result.success || releaseDigest(result.data) !== result.data.release)
      throw new LongshoreError('message-invalid', `${device} answered with something that is not a release`)
    const { compose, files, release } = result.data
    if (json !== true) remark(`${device}: ${app} goes back to release ${shortRelease(release)}`)
    const content = { compose, files, keepImages: true, ...(now === true ? { now } : {}) }
    const deployed = await deploy(fleet, content, { device, app, by: operator(), now: Date.now() })
    return { device, deployed }
  } catch (error) {
    return { device, error }
  }
}
