/** `longshore hold` and `longshore release`: deployments of an app wait on a device until they are let go. */
import type { Command } from 'commander'
import { collectDevices, operator, parseApp, parseDuration, parseSeconds } from '../arguments.ts'
import { askDevices } from '../ask-devices.ts'
import { type BrokerOptions, withBrokerOptions, withFleet } from '../context.ts'

type Options = BrokerOptions & { device: string[]; for?: number; reason?: string; timeout: number }

export const addHold = (program: Command): void => {
  withDevices(program.command('hold'))
    .description('keep devices from touching what runs of an app: deployments wait until it is released')
    .option('--for <duration>', 'release it by itself after this time, as in 8h or 30m', parseDuration)
    .option('--reason <text>', 'why, for whoever waits')
    .addHelpText('after', '\nExample:\n  longshore hold line3 --device gw-17 --for 8h --reason "shift is running"')
    .action(async (app: string, options: Options) => {
      const until = options.for === undefined ? {} : { until: Date.now() + options.for }
      const reason = options.reason === undefined ? {} : { reason: options.reason }
      await tell(options, 'hold', { app, by: operator(), ...until, ...reason }, (device) => `${device}: ${app} is held`)
    })
  withDevices(program.command('release'))
    .description('let deployments of an app go on that was held')
    .action(async (app: string, options: Options) => {
      await tell(options, 'unhold', { app, by: operator() }, (device) => `${device}: ${app} is released`)
    })
}

const withDevices = (command: Command): Command =>
  withBrokerOptions(command)
    .argument('<app>', 'name of the app', parseApp)
    .requiredOption('-d, --device <id>', 'device; may be given several times', collectDevices)
    .option('--timeout <seconds>', 'how long to wait for the devices', parseSeconds, 15)
    .option('--json', 'one line of JSON a device')

const tell = async (
  options: Options,
  verb: string,
  args: Record<string, string | number>,
  done: (device: string) => string,
): Promise<void> => {
  const question = { verb, args, timeoutMs: options.timeout * 1000, json: options.json === true, done }
  process.exitCode = await withFleet(options, (fleet) => askDevices(fleet, options.device, question))
}
