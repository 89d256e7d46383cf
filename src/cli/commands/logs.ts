/** `longshore logs`: what the containers of an app said on a device, or the agent itself, over the broker. */
import { once } from 'node:events'
import { type Command, InvalidArgumentError } from 'commander'
import { type LogRequest, readLog } from '../../fleet/logs.ts'
import type { LogEntry } from '../../protocol/log.ts'
import { LongshoreError } from '../../protocol/reason.ts'
import { parseApp, parseDevice, parseSeconds } from '../arguments.ts'
import { type BrokerOptions, withBrokerOptions, withFleet } from '../context.ts'
import { createJsonPrinter, createLogPrinter } from '../log-printer.ts'
import { onReaderGone, paint, remark } from '../output.ts'

type Moment = NonNullable<LogRequest['since']>

type Options = BrokerOptions & {
  device: string
  agent?: true
  follow?: true
  tail?: number | 'all'
  since?: Moment
  until?: Moment
  grep?: string
  timestamps?: true
  prefix: boolean
  timeout: number
}

/** Over a thin link everything may be a lot. */
const usualTail = 100

export const addLogs = (program: Command): void => {
  withBrokerOptions(program.command('logs'))
    .description('show what the containers of an app on a device said, or what its agent said')
    .argument('[app]', 'name of the app', parseApp)
    .argument('[service]', 'only this service')
    .requiredOption('-d, --device <id>', 'device', parseDevice)
    .option('--agent', 'the log of the agent itself, as much as it has in memory')
    .option('-f, --follow', 'go on with what comes, also of containers that take the place of others, until Ctrl-C')
    .option(
      '-n, --tail <lines>',
      `lines from the end of the log of each container, or all (default: ${usualTail}; with --since all)`,
      parseTail,
    )
    .option('--since <time>', 'from then on: 10m or 2h ago, or as 2026-01-31T12:00:00Z', parseMoment)
    .option('--until <time>', 'up to then', parseMoment)
    .option('--grep <pattern>', 'only lines in which this regular expression is found; judged on the device')
    .option('-t, --timestamps', 'the time before each line')
    .option('--no-prefix', 'not the name of the container before each line')
    .option('--timeout <seconds>', 'how long to wait for the device', parseSeconds, 15)
    .option('--json', 'one object a line')
    .addHelpText(
      'after',
      `
Examples:
  longshore logs shop --device gw-1                      the last ${usualTail} lines of each container
  longshore logs shop web --device gw-1 -f --since 10m   one service, the last ten minutes and what comes
  longshore logs shop --device gw-1 --tail all --grep 'error|warn'
  longshore logs --agent --device gw-1                   what the agent said`,
    )
    .action(async (app: string | undefined, service: string | undefined, options: Options) => {
      if ((app === undefined) === (options.agent === undefined))
        throw new LongshoreError('usage', 'name an app, or give --agent')
      await withFleet(options, async (fleet) => {
        const enough = new AbortController()
        const end = (): void => enough.abort()
        process.once('SIGINT', end).once('SIGTERM', end)
        // The device would keep its place for a minute.
        const forgetEnd = onReaderGone(end)
        try {
          await readLog(fleet, {
            device: options.device,
            request: requestOf(app, service, options),
            timeoutMs: options.timeout * 1000,
            nowMs: Date.now,
            onEntries: printerOf(options, enough.signal),
            signal: enough.signal,
          })
        } finally {
          forgetEnd()
          process.off('SIGINT', end).off('SIGTERM', end)
        }
      })
    })
}

const requestOf = (app: string | undefined, service: string | undefined, options: Options): LogRequest => {
  const { follow, since, until, grep, agent } = options
  const tail = options.tail ?? (since === undefined ? usualTail : 'all')
  return {
    ...(app !== undefined && { app }),
    ...(agent && { agent }),
    ...(service !== undefined && { service }),
    ...(follow && { follow }),
    ...(since && { since }),
    ...(until && { until }),
    ...(grep !== undefined && { grep }),
    ...(tail !== 'all' && { tail }),
    timestamps: options.timestamps === true || options.json === true,
  }
}

const printerOf = ({ json, prefix, agent }: Options, signal: AbortSignal) => {
  const { isTTY } = process.stdout
  const printer =
    json === true
      ? createJsonPrinter()
      : createLogPrinter({ hasPrefix: prefix && agent === undefined, isTerminal: isTTY === true, paint })
  return async (entries: readonly LogEntry[]): Promise<void> => {
    for (const entry of entries)
      if ('fault' in entry && json !== true) remark(`${entry.source}: ${entry.fault.message} [${entry.fault.code}]`)
    const text = printer.print(entries)
    if (text.length === 0 || signal.aborted) return
    // No more is asked for than is read here.
    if (!process.stdout.write(text)) await once(process.stdout, 'drain', { signal }).catch(() => undefined)
  }
}

const parseTail = (text: string): number | 'all' => {
  if (text === 'all') return 'all'
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number, or all')
  return Number(text)
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Ago, as 90s or 1h30m, by the clock of the device; or a date. */
const parseMoment = (text: string): Moment => {
  if (/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) {
    const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)]
    return { agoMs: parts.reduce((sum, [, count, unit = 'ms']) => sum + Number(count) * (unitMs[unit] ?? 1), 0) }
  }
  const at = /^\d{4}-\d\d/.test(text) ? Date.parse(text) : Number.NaN
  if (!(at >= 0)) throw new InvalidArgumentError('must be as 10m, 2h or 2026-01-31T12:00:00Z')
  return { at }
}
