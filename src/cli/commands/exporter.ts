/** `longshore exporter`: the fleet as metrics for Prometheus, in the foreground. */
import { type Command, InvalidArgumentError } from 'commander'
import { parseDurationMs } from '../../compose/units.ts'
import { shownAddress } from '../../link/addresses.ts'
import { parsePort } from '../arguments.ts'
import { type BrokerOptions, fleetInput, withBrokerOptions } from '../context.ts'
import { createLog, failLoudly, logLevelOption, untilSignal } from '../daemon.ts'

const usualAddress: Listen = { host: '127.0.0.1', port: 9464 }

/** A full report comes once an hour by default. */
const usualStaleMs = 7_200_000

type Listen = { readonly host: string; readonly port: number }

type Options = BrokerOptions & { listen?: Listen; stale?: number; logLevel: string }

export const addExporter = (program: Command): void => {
  withBrokerOptions(program.command('exporter'))
    .description('show the fleet to Prometheus, as metrics on http://…/metrics')
    .option('--listen <address>', 'host and port to listen on (default: 127.0.0.1:9464)', parseListen)
    .option(
      '--stale <duration>',
      'what was not told for so long is no longer shown, as 90m or 2h (default: 2h)',
      parseStale,
    )
    .addOption(logLevelOption())
    .action(async ({ listen = usualAddress, stale = usualStaleMs, logLevel, ...options }: Options) => {
      const log = createLog(logLevel)
      // Only the process that is one loads it.
      const { startExporter } = await import('../../exporter/exporter.ts')
      const { connectFleet } = await import('../../fleet/fleet.ts')
      const input = await fleetInput(options)
      failLoudly(log)
      const exporter = await startExporter({
        connect: (more) => connectFleet({ ...input, ...more, log }),
        listen,
        staleMs: stale,
        log,
      })
      log.info(
        { host: listen.host, port: exporter.port, broker: shownAddress(input.broker.url) },
        'the exporter listens',
      )
      await untilSignal(log, exporter.stop)
    })
}

/** `host:port`, `[address]:port`, `:port` for every address of the machine. */
export const parseListen = (text: string): Listen => {
  const [, bracketed, host, port] = /^(?:\[([^\]]+)\]|([^:]*)):(\d+)$/.exec(text) ?? []
  if (port === undefined) throw new InvalidArgumentError('must be host:port, as 127.0.0.1:9464 or [::1]:9464')
  return { host: bracketed ?? (host || '::'), port: parsePort(port) }
}

const parseStale = (text: string): number => {
  const ms = parseDurationMs(text)
  if (ms === undefined || ms <= 0) throw new InvalidArgumentError('must be a time above 0, as 30m or 2h')
  return ms
}
