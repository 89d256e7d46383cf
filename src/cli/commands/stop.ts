/** `longshore stop` and `longshore start`: an app, or one service of it, stays stopped over reboots and updates. */
import type { Command } from 'commander'
import { collectDevices, operator, parseApp, parseSeconds } from '../arguments.ts'
import { askDevices } from '../ask-devices.ts'
import { type BrokerOptions, withBrokerOptions, withFleet } from '../context.ts'

type Options = BrokerOptions & { device: string[]; timeout: number }

export const addStop = (program: Command): void => {
  add(program, 'stop', 'stop an app or a service; it stays so over reboots and updates, until it is started', 'stopped')
  add(program, 'start', 'start an app or a service again that was stopped', 'started')
}

const add = (program: Command, verb: 'stop' | 'start', description: string, participle: string): void => {
  withBrokerOptions(program.command(verb))
    .description(description)
    .argument('<app>', 'name of the app', parseApp)
    .argument('[service]', 'only this service')
    .requiredOption('-d, --device <id>', 'device; may be given several times', collectDevices)
    .option('--timeout <seconds>', 'how long to wait for the devices', parseSeconds, 15)
    .option('--json', 'one line of JSON a device')
    .action(async (app: string, service: string | undefined, options: Options) => {
      const what = service === undefined ? app : `${app}/${service}`
      const question = {
        verb,
        args: { app, by: operator(), ...(service === undefined ? {} : { service }) },
        timeoutMs: options.timeout * 1000,
        json: options.json === true,
        done: (device: string) => `${device}: ${what} is to be ${participle}`,
      }
      process.exitCode = await withFleet(options, (fleet) => askDevices(fleet, options.device, question))
    })
}
