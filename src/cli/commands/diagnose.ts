/** `longshore diagnose`: all that helps to find a fault on a device, without its secrets, as a summary or a file. */
import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import { diagnose } from '../../fleet/diagnose.ts'
import { LongshoreError } from '../../protocol/reason.ts'
import { operator, parseDevice, parseSeconds } from '../arguments.ts'
import { answered } from '../ask-devices.ts'
import { byteProgress } from '../byte-progress.ts'
import { type BrokerOptions, withBrokerOptions, withFleet } from '../context.ts'
import { agoText } from '../describe-app.ts'
import { remark, say, sayJson } from '../output.ts'

type Options = BrokerOptions & { device: string; output?: string; timeout: number }
type Facts = Readonly<Record<string, unknown>>

export const addDiagnose = (program: Command): void => {
  withBrokerOptions(program.command('diagnose'))
    .description('ask a device for all that helps to find a fault: facts, states and recent logs, with secrets masked')
    .requiredOption('-d, --device <id>', 'device', parseDevice)
    .option('-o, --output <file>', 'write all of it to this file, as JSON')
    .option('--timeout <seconds>', 'how long to wait for a sign of the device', parseSeconds, 60)
    .option('--json', 'print all of it as one object')
    .addHelpText('after', '\nExample:\n  longshore diagnose --device gw-17 -o gw-17.json')
    .action(async (options: Options) => {
      const { device, output, timeout } = options
      const shown = byteProgress(process.stderr, Date.now)
      const { reply, facts } = await withFleet(options, (fleet) =>
        diagnose(fleet, {
          ...{ device, by: operator(), timeoutMs: timeout * 1000, now: Date.now() },
          onPiece: (piece, pieces) => {
            if (pieces > 4) shown.show(`${device}: piece ${piece} of ${pieces}`)
          },
        }),
      ).finally(shown.end)
      answered(device, reply)
      if (facts === undefined) return
      if (options.json === true) sayJson(facts)
      else say(summary(device, facts))
      if (output !== undefined) await writeFacts(output, facts)
    })
}

const writeFacts = async (file: string, facts: Facts): Promise<void> => {
  try {
    await writeFile(file, `${JSON.stringify(facts, null, 2)}\n`, { mode: 0o600 })
  } catch (error) {
    throw new LongshoreError('file-unwritable', `${file}: ${(error as Error).message}`, { cause: error })
  }
  remark(`all of it is in ${file}; look it through before you hand it on`)
}

const fault = z.looseObject({ fault: z.unknown() })
const shapes = {
  agent: z.looseObject({ version: z.string(), startedAt: z.number() }),
  engine: z.looseObject({ name: z.string(), version: z.string() }),
  disk: z.looseObject({ path: z.string(), freeBytes: z.number() }),
  link: z.looseObject({ session: z.number() }),
  outbox: z.looseObject({
    classes: z.record(z.string(), z.looseObject({ isEmpty: z.boolean(), bytesOnDisk: z.number() })),
  }),
  containers: z.array(z.looseObject({ name: z.string(), state: z.string(), health: z.string() })),
  reports: z.array(z.looseObject({ app: z.string(), phase: z.string() }).nullable()),
  policy: z.looseObject({ source: z.string() }),
}

/** What is seen at once; what the device could not find out is said by its name. */
const summary = (device: string, facts: Facts): string => {
  const line = <Name extends keyof typeof shapes>(
    name: Name,
    text: (value: z.infer<(typeof shapes)[Name]>) => string,
  ): string[] => {
    const read = shapes[name].safeParse(facts[name])
    return read.success ? [`${name.padEnd(11)}${text(read.data as never)}`] : []
  }
  const failed = Object.entries(facts).flatMap(([name, value]) => {
    const read = fault.safeParse(value)
    return read.success ? [`${name.padEnd(11)}not known: ${JSON.stringify(read.data.fault)}`] : []
  })
  return [
    `${device}`,
    ...line('agent', ({ version, startedAt }) => `${version}, up for ${agoText(startedAt, Date.now())}`),
    ...line('engine', ({ name, version }) => `${name} ${version}`),
    ...line('disk', ({ path, freeBytes }) => `${(freeBytes / 1e9).toFixed(1)} GB free on ${path}`),
    ...line('link', ({ session }) => `session ${session}`),
    ...line('outbox', ({ classes }) => {
      const waiting = Object.entries(classes).filter(([, { isEmpty }]) => !isEmpty)
      return waiting.length === 0
        ? 'empty'
        : waiting.map(([name, { bytesOnDisk }]) => `${name} ${bytesOnDisk} bytes`).join(', ')
    }),
    ...line('policy', ({ source }) => source),
    ...line(
      'reports',
      (reports) => reports.flatMap((one) => (one === null ? [] : [`${one.app} ${one.phase}`])).join(', ') || 'none',
    ),
    ...line('containers', (containers) => {
      const bad = containers.filter(({ state, health }) => state !== 'running' || health === 'unhealthy')
      const text = bad.map(({ name, state, health }) => `${name} ${health === 'unhealthy' ? health : state}`).join(', ')
      return `${containers.length}${text === '' ? '' : `; ${text}`}`
    }),
    ...failed,
  ].join('\n')
}
