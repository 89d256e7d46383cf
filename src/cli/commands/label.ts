/** `longshore label`: what a device is called beside its id, for `deploy.placement` to ask for. */
import type { Command } from 'commander'
import { readState } from '../../fleet/read-state.ts'
import { printable } from '../../project/printable.ts'
import { labelFault, labelKeyPattern } from '../../protocol/label.ts'
import { LongshoreError } from '../../protocol/reason.ts'
import { collectDevices, operator, parseSeconds } from '../arguments.ts'
import { askDevices } from '../ask-devices.ts'
import { type BrokerOptions, withBrokerOptions, withFleet } from '../context.ts'
import { exitCode, remark, say, sayJson, table } from '../output.ts'

type Options = BrokerOptions & { device: string[]; timeout: number }

export const addLabel = (program: Command): void => {
  withBrokerOptions(program.command('label'))
    .description('set or remove labels of devices, or list them')
    .argument('[labels...]', 'NAME=VALUE sets one, NAME- removes it; without any they are listed')
    .requiredOption('-d, --device <id>', 'device; may be given several times', collectDevices)
    .option('--timeout <seconds>', 'how long to wait for the devices', parseSeconds, 15)
    .option('--json', 'one line of JSON a device')
    .addHelpText(
      'after',
      '\nExamples:\n  longshore label line=3 site=hall --device gw-17\n  longshore label site- --device gw-17\n  longshore label --device gw-17',
    )
    .action(async (labels: string[], options: Options) => {
      const json = options.json === true
      if (labels.length === 0) return list(options, json)
      const args = { ...parseLabels(labels), by: operator() }
      const done = (device: string) => `${device}: ${labels.join(', ')}`
      const question = { verb: 'set-labels', args, timeoutMs: options.timeout * 1000, json, done }
      process.exitCode = await withFleet(options, (fleet) => askDevices(fleet, options.device, question))
    })
}

/** @throws LongshoreError usage for what is neither NAME=VALUE nor NAME-. */
export const parseLabels = (texts: readonly string[]): { set: Record<string, string>; remove: string[] } => {
  const set: Record<string, string> = {}
  const remove: string[] = []
  for (const text of texts) {
    const at = text.indexOf('=')
    if (at >= 0) {
      const [key, value] = [text.slice(0, at), text.slice(at + 1)]
      const fault = labelFault(key, value)
      if (fault !== undefined) throw new LongshoreError('usage', fault)
      set[key] = value
    } else if (text.endsWith('-') && labelKeyPattern.test(text.slice(0, -1))) remove.push(text.slice(0, -1))
    else throw new LongshoreError('usage', `${JSON.stringify(text)} is neither NAME=VALUE nor NAME-`)
  }
  const both = remove.find((key) => Object.hasOwn(set, key))
  if (both !== undefined) throw new LongshoreError('usage', `label ${both} is both set and removed`)
  return { set, remove }
}

/** As the inventory has them: also of a device that is offline. */
const list = async (options: Options, json: boolean): Promise<void> => {
  const found = await withFleet(options, async (fleet) =>
    readState(fleet.topics, await fleet.read(options.device.map((device) => fleet.topics.inventory(device)))),
  )
  const rows = options.device.flatMap((device) => {
    const inventory = found.get(device)?.inventory
    if (inventory === undefined) {
      process.exitCode = exitCode.failed
      if (json) sayJson({ device, labels: null })
      else remark(`no inventory of device ${device} on this broker`)
      return []
    }
    const labels = inventory.labels ?? {}
    if (json) sayJson({ device, labels })
    return Object.entries(labels).map(([key, value]) => [device, key, printable(value)])
  })
  if (!json && rows.length > 0) say(table(['DEVICE', 'LABEL', 'VALUE'], rows))
  else if (!json && process.exitCode !== exitCode.failed) remark('no labels')
}
