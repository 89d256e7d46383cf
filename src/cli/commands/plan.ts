/** `longshore plan`: what a deployment would do, answered by the device's own planner from its real state. */
import type { Command } from 'commander'
import { z } from 'zod'
import { ask } from '../../fleet/command.ts'
import { LongshoreError } from '../../protocol/reason.ts'
import { parseApp, parseDevice, parseSeconds } from '../arguments.ts'
import { type ComposeOptions, withComposeOptions } from '../compose-options.ts'
import { type BrokerOptions, withBrokerOptions, withFleet } from '../context.ts'
import { exitCode, remark, say, sayJson } from '../output.ts'
import { prepareRelease } from '../prepare-release.ts'

type Options = BrokerOptions &
  ComposeOptions & { device: string; timeout: number; replaceFiles?: boolean; adopt?: boolean; now?: boolean }

const resultSchema = z.object({
  operations: z.array(z.string()),
  pulls: z.array(z.string()),
  waits: z.array(z.string()),
  kept: z.array(z.string()).default([]),
})

export const addPlan = (program: Command): void => {
  withBrokerOptions(withComposeOptions(program.command('plan')))
    .description('show what a deployment would do on a device, changing nothing')
    .argument('<app>', 'name of the app', parseApp)
    .requiredOption('-d, --device <id>', 'device', parseDevice)
    .option('--timeout <seconds>', 'how long to wait for the device', parseSeconds, 15)
    .option('--replace-files', 'as for deploy')
    .option('--adopt', 'as for deploy')
    .option('--now', 'as for deploy')
    .option('--json', 'one object')
    .action(async (app: string, options: Options) => {
      const { device } = options
      const { compose, files, notes, secretSources } = await prepareRelease(options, app)
      const json = options.json === true
      if (!json) for (const note of notes) remark(`note: ${note}`)
      const { replaceFiles, adopt, now } = options
      // Contents stay here: a plan looks at digests only.
      const digests = Object.entries(files).map(([path, { sha256, mode }]) => [path, { sha256, mode }])
      const args = {
        app,
        compose,
        files: Object.fromEntries(digests),
        givenSecrets: [...secretSources.keys()],
        ...(replaceFiles === true ? { replaceFiles } : {}),
        ...(adopt === true ? { adopt } : {}),
        ...(now === true ? { now } : {}),
      }
      const reply = await withFleet(options, (fleet) =>
        ask(fleet, {
          device,
          verb: 'plan',
          args: args as never,
          timeoutMs: options.timeout * 1000,
          now: Date.now(),
        }),
      )
      if (json) {
        sayJson(reply)
        process.exitCode = reply.outcome === 'done' ? exitCode.done : exitCode.failed
        return
      }
      if (reply.outcome !== 'done') {
        remark(
          `${device}: ${reply.outcome}: ${reply.reason?.message ?? 'no reason given'} [${reply.reason?.code ?? 'internal-error'}]`,
        )
        process.exitCode = exitCode.failed
        return
      }
      const result = resultSchema.safeParse(reply.result)
      if (!result.success) throw new LongshoreError('message-invalid', `${device} answered plan with something else`)
      showPlan(result.data)
    })
}

const showPlan = ({ operations, pulls, waits, kept }: z.infer<typeof resultSchema>): void => {
  for (const reference of pulls) say(`pull-image ${reference}  (it is not on the device)`)
  for (const line of operations) say(line)
  for (const wait of waits) say(`waits: ${wait}`)
  for (const line of kept) say(line)
  if (operations.length === 0 && pulls.length === 0 && waits.length === 0) say('nothing to do')
}
