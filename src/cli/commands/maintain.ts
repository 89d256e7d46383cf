/** `longshore refresh`, `prune` and `reboot`: what keeps a device going, whatever apps it has. */
import type { Command } from 'commander'
import { z } from 'zod'
import { operator } from '../arguments.ts'
import { megabytes } from '../byte-progress.ts'
import { askAll, type DeviceOptions, deviceCommand } from '../device-command.ts'

export const addMaintain = (program: Command): void => {
  deviceCommand(program, 'refresh')
    .description('have devices look at everything, and say all that they report once more')
    .action((options: DeviceOptions) =>
      askAll(options, {
        verb: 'refresh',
        args: { by: operator() },
        done: (device) => `${device}: looked at everything, and says it all again`,
      }),
    )

  deviceCommand(program, 'prune', 120)
    .description(
      'remove images that the agent brought and no app refers to, and containers and networks of apps that are gone; no volumes, and nothing of anybody else',
    )
    .option('--dry-run', 'only say what would go')
    .action(async (options: DeviceOptions & { dryRun?: true }) => {
      const dryRun = options.dryRun === true
      await askAll(options, {
        verb: 'prune',
        args: { dryRun, by: operator() },
        done: (device, result) => pruneText(device, result, dryRun),
      })
    })

  deviceCommand(program, 'reboot')
    .description('start the machine of a device anew, where its policy lets commands do so; it says goodbye first')
    .action((options: DeviceOptions) =>
      askAll(options, {
        verb: 'reboot',
        args: { by: operator() },
        done: (device) => `${device}: reboots now`,
      }),
    )
}

const pruneSchema = z.looseObject({
  images: z.array(z.looseObject({ id: z.string(), references: z.array(z.string()), sizeBytes: z.number() })),
  containers: z.array(z.string()),
  networks: z.array(z.string()),
  kept: z.array(z.string()),
  freedBytes: z.number().optional(),
})

const pruneText = (device: string, result: unknown, dryRun: boolean): string => {
  const read = pruneSchema.safeParse(result)
  if (!read.success) return `${device}: done`
  const { images, containers, networks, kept, freedBytes } = read.data
  const lines = [
    ...images.map(({ id, references, sizeBytes }) => `image ${references[0] ?? id}, ${megabytes(sizeBytes)}`),
    ...containers.map((name) => `container ${name}`),
    ...networks.map((name) => `network ${name}`),
  ]
  const freed = freedBytes === undefined ? '' : `, ${megabytes(freedBytes)} freed`
  const head = lines.length === 0 ? 'nothing to remove' : dryRun ? 'would remove' : `removed${freed}`
  return [`${device}: ${head}`, ...lines.map((line) => `  ${line}`), ...kept.map((line) => `  kept: ${line}`)].join(
    '\n',
  )
}
