/** `longshore restart`: the containers of an app, or of one service of it, end and start again, as they are. */
import type { Command } from 'commander'
import { z } from 'zod'
import { operator, parseTarget } from '../arguments.ts'
import { askAll, type DeviceOptions, deviceCommand } from '../device-command.ts'
import { remark } from '../output.ts'

/** A service has 10 s to stop where it says nothing else. */
const timeoutS = 60

const resultSchema = z.looseObject({ restarted: z.array(z.string()) })
const progressSchema = z.looseObject({ doing: z.string() })

export const addRestart = (program: Command): void => {
  deviceCommand(program, 'restart', timeoutS)
    .description(
      'restart the containers of an app or of a service in place; those that depend on them with restart: true follow',
    )
    .argument('<app[/service]>', 'name of the app, or of one service of it', parseTarget)
    .addHelpText('after', '\nExample:\n  longshore restart line3/scanner --device gw-17')
    .action(async (target: { app: string; service?: string }, options: DeviceOptions) => {
      await askAll(options, {
        verb: 'restart',
        args: { ...target, by: operator() },
        done: (device, result) => `${device}: restarted ${restartedText(result)}`,
        progress: (device, result) => {
          const told = progressSchema.safeParse(result)
          if (told.success && options.json !== true) remark(`${device}: ${told.data.doing}`)
        },
      })
    })
}

const restartedText = (result: unknown): string => {
  const read = resultSchema.safeParse(result)
  return read.success ? read.data.restarted.join(', ') : 'it'
}
