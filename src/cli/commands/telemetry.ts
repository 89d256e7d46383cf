/** `longshore telemetry`: how much a device tells of what it is doing, without a restart of its agent. */
import { Argument, type Command } from 'commander'
import { z } from 'zod'
import { defined } from '../../defined.ts'
import { telemetryProfiles } from '../../protocol/telemetry.ts'
import { operator, parseDuration } from '../arguments.ts'
import { askAll, type DeviceOptions, deviceCommand } from '../device-command.ts'

const resultSchema = z.looseObject({ profile: z.string(), until: z.number().optional() })

export const addTelemetry = (program: Command): void => {
  deviceCommand(program, 'telemetry')
    .description('choose how much devices tell of what they are doing; it outlasts a restart of the agent')
    .addArgument(new Argument('<profile>', 'how much').choices(telemetryProfiles))
    .option(
      '--for <duration>',
      'go back to the one before after this time, as in 30m; live: 10m, 24h at most',
      parseDuration,
    )
    .addHelpText('after', '\nExample:\n  longshore telemetry live --device gw-17 --for 30m')
    .action(async (profile: string, options: DeviceOptions & { for?: number }) => {
      await askAll(options, {
        verb: 'set-telemetry',
        args: defined({ profile, forMs: options.for, by: operator() }),
        done: (device, result) => {
          const read = resultSchema.safeParse(result)
          const until = read.success ? read.data.until : undefined
          return `${device}: tells as ${profile}${until === undefined ? '' : ` until ${new Date(until).toISOString()}`}`
        },
      })
    })
}
