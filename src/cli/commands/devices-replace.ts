/** `longshore devices replace`: a new board takes the place of one that died. */
import type { Command } from 'commander'
import type { ReplacementPlan } from '../../fleet/plan-replacement.ts'
import { replaceDevice } from '../../fleet/replace-device.ts'
import { operator, parseDevice, parseSeconds } from '../arguments.ts'
import { type BrokerOptions, withBrokerOptions, withFleet } from '../context.ts'
import { exitCode, remark, say, sayJson } from '../output.ts'

type Options = BrokerOptions & { force?: true; forget?: true; dryRun?: true; timeout: number }

export const addDevicesReplace = (devices: Command): void => {
  withBrokerOptions(devices.command('replace'))
    .description('give a new board the apps and labels of one that died, and say which secrets have to be set again')
    .argument('<old>', 'device that is gone', parseDevice)
    .argument('<new>', 'device that takes its place', parseDevice)
    .option('--forget', 'afterwards clear everything that the broker retains of the old one')
    .option('--force', 'also when the old one is online, and over other releases on the new one')
    .option('--dry-run', 'only say what would be done')
    .option('--timeout <seconds>', 'how long to wait for the new device', parseSeconds, 15)
    .option('--json', 'one object')
    .addHelpText(
      'after',
      '\nIt can be run again at any time: what is done already is left as it is.\n\nExample:\n  longshore devices replace gw-17 gw-17b --forget',
    )
    .action(async (from: string, to: string, own: Options, command: Command) => {
      // Broker options given before `replace` are the parent's.
      const options: Options = { ...command.parent?.opts(), ...own }
      const dryRun = options.dryRun === true
      const { plan, left, forgotten } = await withFleet(options, (fleet) =>
        replaceDevice(fleet, {
          ...{ from, to, by: operator(), dryRun, timeoutMs: options.timeout * 1000, nowMs: Date.now },
          force: options.force === true,
          forget: options.forget === true,
        }),
      )
      if (left.length > 0) process.exitCode = exitCode.failed
      if (options.json === true) {
        const apps = plan.apps.map(({ app, action, desired }) => ({ app, action, release: desired.release }))
        return sayJson({ from, to, dryRun, ...plan, apps, left, ...(forgotten === undefined ? {} : { forgotten }) })
      }
      show(from, to, plan, dryRun)
      for (const one of left) remark(`left: ${one}`)
      if (forgotten !== undefined) say(`${from} is forgotten: ${forgotten} retained messages cleared`)
    })
}

const show = (from: string, to: string, { apps, labels, secrets, notes }: ReplacementPlan, dryRun: boolean): void => {
  const done = dryRun ? 'would be' : 'is'
  for (const { app, action } of apps)
    say(
      action === 'same'
        ? `${app}: ${to} has it already`
        : action === 'deploy'
          ? `${app}: ${done} assigned to ${to}`
          : `${app}: ${to} has another release of it`,
    )
  for (const [name, value] of Object.entries(labels)) say(`label ${name}=${value}${dryRun ? ' would be set' : ''}`)
  if (apps.length === 0 && Object.keys(labels).length === 0) say(`${from} had nothing that ${to} lacks`)
  for (const note of notes) remark(note)
  if (secrets.length > 0) remark(`sealed for ${from}, to be set again:`)
  for (const { app, names } of secrets)
    for (const name of names) remark(`  longshore secret set ${app} ${name} --device ${to}`)
}
