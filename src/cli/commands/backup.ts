/** `longshore export` and `longshore import`: the broker is the only database, and this is its backup. */
import { readFile } from 'node:fs/promises'
import { text as readAll } from 'node:stream/consumers'
import type { Command } from 'commander'
import { exportFleet, importDeployment, readBackup } from '../../fleet/backup.ts'
import { LongshoreError, reasonOf } from '../../protocol/reason.ts'
import { whyUnreadable } from '../../why-unreadable.ts'
import { collectDevices } from '../arguments.ts'
import { type BrokerOptions, withBrokerOptions, withFleet } from '../context.ts'
import { exitCodeOf, remark, say, sayJson } from '../output.ts'

export const addBackup = (program: Command): void => {
  withBrokerOptions(program.command('export'))
    .description('print every deployment as a line of JSON')
    .option('-d, --device <id>', 'only this device; may be given several times', collectDevices)
    .addHelpText('after', '\nExample:\n  longshore export > fleet.jsonl')
    .action(async (options: BrokerOptions & { device?: string[] }) => {
      const lines = await withFleet(options, (fleet) => exportFleet(fleet, options.device ?? []))
      for (const line of lines) say(line)
      remark(`${lines.length} deployments`)
    })

  withBrokerOptions(program.command('import'))
    .description('publish the deployments of an export again, under higher generations')
    .argument('[file]', 'file made by export; - reads standard input', '-')
    .option('-d, --device <id>', 'only this device; may be given several times', collectDevices)
    .option('--json', 'one line of JSON a deployment')
    .addHelpText(
      'after',
      '\nA release that a device runs already is not touched by the higher generation.\n\nExample:\n  longshore import fleet.jsonl',
    )
    .action(async (file: string, options: BrokerOptions & { device?: string[] }) => {
      const all = readBackup(await readInput(file), file === '-' ? 'standard input' : file)
      const chosen = all.filter(({ device }) => options.device === undefined || options.device.includes(device))
      await withFleet(options, async (fleet) => {
        for (const deployment of chosen) {
          const { device, app } = deployment
          try {
            const { generation } = await importDeployment(fleet, deployment, Date.now())
            if (options.json === true) sayJson({ event: 'imported', device, app, generation })
            else say(`${device}: ${app} is assigned, generation ${generation}`)
          } catch (error) {
            const reason = reasonOf(error)
            remark(`${device}: ${app}: ${reason.message} [${reason.code}]`)
            process.exitCode = Math.max(Number(process.exitCode ?? 0), exitCodeOf(reason.code))
          }
        }
      })
    })
}

const readInput = async (file: string): Promise<string> => {
  if (file === '-') return await readAll(process.stdin)
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new LongshoreError('file-unreadable', `${file}: ${whyUnreadable(error)}`, { cause: error })
  }
}
