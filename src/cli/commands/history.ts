/** `longshore history`: what the deployments of an app on a device came to, and which releases one can go back to. */
import type { Command } from 'commander'
import { z } from 'zod'
import { ask } from '../../fleet/command.ts'
import { digestSchema, epochMsSchema, generationSchema } from '../../protocol/names.ts'
import { LongshoreError, reasonSchema } from '../../protocol/reason.ts'
import { parseApp, parseDevice, parseSeconds } from '../arguments.ts'
import { answered } from '../ask-devices.ts'
import { type BrokerOptions, withBrokerOptions, withFleet } from '../context.ts'
import { agoText, shortRelease } from '../describe-app.ts'
import { paint, remark, say, sayJson, table } from '../output.ts'

type Options = BrokerOptions & { device: string; timeout: number }

const resultSchema = z.object({
  releases: z.array(
    z.looseObject({
      generation: generationSchema,
      release: digestSchema,
      at: epochMsSchema,
      by: z.string().optional(),
      outcome: z.string().optional(),
      reason: reasonSchema.optional(),
      log: z.array(z.string()).optional(),
      isLastGood: z.boolean().optional(),
    }),
  ),
})

type Entry = z.infer<typeof resultSchema>['releases'][number]

export const addHistory = (program: Command): void => {
  withBrokerOptions(program.command('history'))
    .description('show the releases of an app that a device keeps, what each came to, and why')
    .argument('<app>', 'name of the app', parseApp)
    .requiredOption('-d, --device <id>', 'device', parseDevice)
    .option('--timeout <seconds>', 'how long to wait for the device', parseSeconds, 15)
    .option('--json', 'one object')
    .action(async (app: string, options: Options) => {
      const { device, timeout } = options
      const reply = await withFleet(options, (fleet) =>
        ask(fleet, { device, verb: 'history', args: { app }, timeoutMs: timeout * 1000, now: Date.now() }),
      )
      const result = resultSchema.safeParse(answered(device, reply).result)
      if (!result.success) throw new LongshoreError('message-invalid', `${device} answered history with something else`)
      if (options.json === true) return sayJson(result.data)
      show(result.data.releases)
    })
}

const show = (releases: readonly Entry[]): void => {
  if (releases.length === 0) {
    remark('nothing was deployed yet')
    return
  }
  const rows = releases.map((entry) => [
    shortRelease(entry.release),
    String(entry.generation),
    `${agoText(entry.at, Date.now())} ago`,
    outcomeText(entry),
    entry.by ?? '-',
    entry.reason?.message ?? '',
  ])
  say(table(['RELEASE', 'GENERATION', 'ENDED', 'OUTCOME', 'BY', 'REASON'], rows))
  const [failed] = releases.filter(({ log = [] }) => log.length > 0)
  if (failed === undefined) return
  remark(`last words of ${shortRelease(failed.release)}:`)
  for (const line of failed.log ?? []) remark(`  ${line}`)
}

const outcomeText = ({ outcome, isLastGood }: Entry): string => {
  if (outcome === undefined) return 'under way'
  const text = outcome === 'succeeded' ? paint('green', outcome) : paint('red', outcome)
  return isLastGood === true ? `${text} (last good)` : text
}
