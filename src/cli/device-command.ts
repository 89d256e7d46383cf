/** A command that asks devices for one verb, with the options that all of these have. */
import type { Command } from 'commander'
import { collectDevices, parseSeconds } from './arguments.ts'
import { askDevices, type Question } from './ask-devices.ts'
import { type BrokerOptions, withBrokerOptions, withFleet } from './context.ts'

export type DeviceOptions = BrokerOptions & { readonly device: string[]; readonly timeout: number }

export const deviceCommand = (program: Command, name: string, timeoutS = 15): Command =>
  withBrokerOptions(program.command(name))
    .requiredOption('-d, --device <id>', 'device; may be given several times', collectDevices)
    .option('--timeout <seconds>', 'how long to wait for a sign of the devices', parseSeconds, timeoutS)
    .option('--json', 'one line of JSON a device')

/** Asks them all at once; the exit code is the highest of them. */
export const askAll = async (options: DeviceOptions, question: Omit<Question, 'timeoutMs' | 'json'>): Promise<void> => {
  const asked = { ...question, timeoutMs: options.timeout * 1000, json: options.json === true }
  process.exitCode = await withFleet(options, (fleet) => askDevices(fleet, options.device, asked))
}
