/** `longshore export` and `longshore import`: the broker is the only database, and this is its backup. */
import { readFile } from 'node:fs/promises'
import { text as readAll } from 'node:stream/consumers'
import type { Command } from 'commander'
import { type BackupLine, exportFleet, importDeployment, importSecrets, readBackup } from '../../fleet/backup.ts'
import type { Fleet } from '../../fleet/fleet.ts'
import { LongshoreError, reasonOf } from '../../protocol/reason.ts'
import { whyUnreadable } from '../../why-unreadable.ts'
import { collectDevices, operator } from '../arguments.ts'
import { type BrokerOptions, withBrokerOptions, withFleet } from '../context.ts'
import { exitCode, exitCodeOf, remark, say, sayJson } from '../output.ts'

export const addBackup = (program: Command): void => {
  withBrokerOptions(program.command('export'))
    .description('print every deployment, and the sealed secrets of every app, as lines of JSON')
    .option('-d, --device <id>', 'only this device; may be given several times', collectDevices)
    .addHelpText('after', '\nExample:\n  longshore export > fleet.jsonl')
    .action(async (options: BrokerOptions & { device?: string[] }) => {
      const { lines, faults } = await withFleet(options, (fleet) => exportFleet(fleet, options.device ?? []))
      for (const line of lines) sayJson(line)
      for (const { code, message } of faults) remark(`left out: ${message} [${code}]`)
      if (faults.length > 0) process.exitCode = exitCode.failed
      const deployments = lines.filter((line) => 'desired' in line).length
      const secrets = lines.length - deployments
      remark(`${deployments} deployments${secrets === 0 ? '' : `, sealed secrets of ${secrets} apps`}`)
    })

  withBrokerOptions(program.command('import'))
    .description('publish the deployments and secrets of an export again, under higher generations')
    .argument('[file]', 'file made by export; - reads standard input', '-')
    .option('-d, --device <id>', 'only this device; may be given several times', collectDevices)
    .option('--json', 'one line of JSON a deployment or set of secrets')
    .addHelpText(
      'after',
      '\nA release that a device runs already is not touched by the higher generation. Secrets can be opened by the device\nthat they were sealed for, as long as it has its key.\n\nExample:\n  longshore import fleet.jsonl',
    )
    .action(async (file: string, options: BrokerOptions & { device?: string[] }) => {
      const all = readBackup(await readInput(file), file === '-' ? 'standard input' : file)
      const chosen = all
        .map((line) => ({ line, ...('desired' in line ? line.desired : line.secrets) }))
        .filter(({ device }) => options.device === undefined || options.device.includes(device))
      await withFleet(options, async (fleet) => {
        for (const { line, device, app } of chosen) {
          try {
            await importLine(fleet, line, options.json === true)
          } catch (error) {
            const reason = reasonOf(error)
            remark(`${device}: ${app}: ${reason.message} [${reason.code}]`)
            process.exitCode = Math.max(Number(process.exitCode ?? 0), exitCodeOf(reason.code))
          }
        }
      })
    })
}

const importLine = async (fleet: Fleet, line: BackupLine, json: boolean): Promise<void> => {
  if ('secrets' in line) {
    const { device, app, secrets } = line.secrets
    await importSecrets(fleet, line.secrets, operator(), Date.now())
    const names = Object.keys(secrets)
    if (json) sayJson({ event: 'imported', device, app, secrets: names })
    else say(`${device}: secrets of ${app} are back: ${names.join(', ')}`)
    return
  }
  const { device, app, generation } = await importDeployment(fleet, line.desired, Date.now())
  if (json) sayJson({ event: 'imported', device, app, generation })
  else say(`${device}: ${app} is assigned, generation ${generation}`)
}

const readInput = async (file: string): Promise<string> => {
  if (file === '-') return await readAll(process.stdin)
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new LongshoreError('file-unreadable', `${file}: ${whyUnreadable(error)}`, { cause: error })
  }
}
