/** `longshore secret`: values for one device's eyes. A value is never printed, logged or part of an error. */
import type { Command } from 'commander'
import { keyOf } from '../../fleet/known-devices.ts'
import { readRecipient } from '../../fleet/recipient.ts'
import { listSecrets, putSecrets } from '../../fleet/secrets.ts'
import { registryScope } from '../../protocol/names.ts'
import { LongshoreError, reasonOf } from '../../protocol/reason.ts'
import type { Secrets } from '../../protocol/secret.ts'
import { collectDevices, operator, parseDevice, parseSecretName, parseSecretScope } from '../arguments.ts'
import { type BrokerOptions, resolveBroker, withBrokerOptions, withFleet } from '../context.ts'
import { agoText } from '../describe-app.ts'
import { readPin, trustedRecipient, writePin } from '../known-devices-file.ts'
import { exitCode, exitCodeOf, remark, say, sayJson, table } from '../output.ts'
import { givenUp, readSecretValue } from '../read-secret-value.ts'
import { showFailure } from './deploy.ts'

const appText = 'name of the app; _registry for the credentials of registries'

export const addSecret = (program: Command): void => {
  const secret = program
    .command('secret')
    .description('set, list and remove secrets, which only their device can read')
    .addHelpText(
      'after',
      `
Examples:
  longshore secret set shop db-password --device gw-17
  longshore secret set shop tls.key --device gw-17 --device gw-18 --file tls.key
  printf '%s' "$USER:$TOKEN" | longshore secret set _registry registry.example.com:5000 --device gw-17
  longshore secret ls --device gw-17`,
    )
  const add = (name: string, description: string): Command =>
    withBrokerOptions(secret.command(name)).description(description)

  add('set', 'seal a value for each device and put it on the broker')
    .argument('<app>', appText, parseSecretScope)
    .argument('<name>', 'name of the secret; the host of a registry', parseSecretName)
    .requiredOption('-d, --device <id>', 'device; may be given several times', collectDevices)
    .option('-f, --file <file>', 'file that holds the value, to the byte (default: standard input, or a hidden prompt)')
    .option('--json', 'one line of JSON a device')
    .action(setSecret)
  add('ls', 'list names, when they were set and by whom; never values')
    .argument('[app]', appText, parseSecretScope)
    .requiredOption('-d, --device <id>', 'device', parseDevice)
    .option('--json', 'one object')
    .action(showSecrets)
  add('rm', 'take a secret away')
    .argument('<app>', appText, parseSecretScope)
    .argument('<name>', 'name of the secret', parseSecretName)
    .requiredOption('-d, --device <id>', 'device; may be given several times', collectDevices)
    .option('--json', 'one line of JSON a device')
    .action(removeSecret)
  add('trust', 'show the key that a device publishes, and pin it in place of the one that was pinned')
    .requiredOption('-d, --device <id>', 'device', parseDevice)
    .option('--yes', 'pin it')
    .option('--json', 'one object')
    .action(trustDevice)
}

type ManyOptions = BrokerOptions & { device: string[]; file?: string }

const setSecret = async (app: string, name: string, options: ManyOptions): Promise<void> => {
  const where = await resolveBroker(options)
  const value = await readSecretValue({ file: options.file, stdin: process.stdin, stderr: process.stderr }).catch(
    (error) => {
      if (error === givenUp) return undefined
      throw error
    },
  )
  if (value === undefined) {
    process.exitCode = exitCode.interrupted
    return
  }
  if (app === registryScope) checkCredentials(value)
  process.exitCode = await withFleet(options, async (fleet) => {
    const recipients = new Map<string, string>()
    const codes: number[] = []
    // One after the other: they are pinned in one file.
    for (const device of options.device) {
      try {
        recipients.set(device, await trustedRecipient(fleet, where, device, Date.now()))
      } catch (error) {
        codes.push(showFailed(device, error, options.json === true))
      }
    }
    const change = { app, set: { [name]: value }, remove: [], by: operator(), now: Date.now() }
    const put = await changeAll([...recipients.keys()], { event: 'set', app, name }, options, (device) =>
      putSecrets(fleet, { ...change, device, recipient: recipients.get(device) ?? '' }),
    )
    return Math.max(exitCode.done, ...codes, ...put)
  })
}

const removeSecret = async (app: string, name: string, options: ManyOptions): Promise<void> => {
  process.exitCode = await withFleet(options, async (fleet) => {
    // Nothing is sealed, so there is no key to trust.
    const change = { app, set: {}, remove: [name], recipient: '', by: operator(), now: Date.now() }
    const codes = await changeAll(options.device, { event: 'removed', app, name }, options, (device) =>
      putSecrets(fleet, { ...change, device }),
    )
    return Math.max(exitCode.done, ...codes)
  })
}

/** The engine takes `user:password`; one that it cannot take would only show at the next pull. */
const checkCredentials = (value: Uint8Array): void => {
  const text = Buffer.from(value).toString()
  if (/^[^:]+:./u.test(text) && !/[\p{Cc}\uFFFD]/u.test(text)) return
  throw new LongshoreError(
    'usage',
    'credentials of a registry are one line, user:password, with no line break at the end',
  )
}

type Done = { readonly event: 'set' | 'removed'; readonly app: string; readonly name: string }

/** On all devices at once; said in the order in which they were given. Returns an exit code for each. */
const changeAll = async (
  devices: readonly string[],
  { event, app, name }: Done,
  { json }: BrokerOptions,
  work: (device: string) => Promise<unknown>,
): Promise<number[]> => {
  const results = await Promise.allSettled(devices.map(work))
  return devices.map((device, index) => {
    const result = results[index]
    if (result?.status === 'rejected') return showFailed(device, result.reason, json === true)
    if (json === true) sayJson({ event, device, app, name })
    else say(`${device}: secret ${name} of ${app} is ${event}`)
    return exitCode.done
  })
}

const showFailed = (device: string, error: unknown, json: boolean): number => {
  const reason = reasonOf(error)
  if (json) sayJson({ event: 'failed', device, reason })
  else showFailure(device, error)
  return exitCodeOf(reason.code)
}

const showSecrets = async (app: string | undefined, options: BrokerOptions & { device: string }): Promise<void> => {
  const { device } = options
  const { found, faults } = await withFleet(options, (fleet) => listSecrets(fleet, [device], app))
  for (const { code, message } of faults) remark(`${device}: ${message} [${code}]`)
  if (faults.length > 0) process.exitCode = exitCode.failed
  const secrets = found.flatMap(entriesOf)
  if (options.json === true) return sayJson({ device, secrets })
  if (secrets.length === 0) return remark(`no secret${app === undefined ? '' : ` of ${app}`} for ${device}`)
  say(
    table(
      ['APP', 'NAME', 'SET', 'SEALED', 'LAST CHANGE OF THE APP BY'],
      secrets.map(({ app, name, at, sealedBytes, by }) => [
        ...[app, name, `${agoText(at, Date.now())} ago`],
        ...[`${sealedBytes} bytes`, by],
      ]),
    ),
  )
}

const entriesOf = ({ app, by, secrets }: Secrets) =>
  Object.entries(secrets).map(([name, { age, at }]) => ({
    ...{ app, name, at, by },
    sealedBytes: Buffer.byteLength(age, 'base64'),
  }))

const trustDevice = async (options: BrokerOptions & { device: string; yes?: boolean }): Promise<void> => {
  const { device } = options
  const where = await resolveBroker(options)
  const key = keyOf(where.broker, where.root, device)
  const pinned = await readPin(key)
  const { published, sealed } = await withFleet(options, async (fleet) => ({
    published: await readRecipient(fleet, device),
    sealed: (await listSecrets(fleet, [device])).found.flatMap(entriesOf),
  }))
  const isTrusted = pinned === published || options.yes === true
  if (pinned !== published && isTrusted) await writePin(key, published, Date.now())
  if (!isTrusted) process.exitCode = exitCode.failed
  if (options.json === true) return sayJson({ device, pinned: pinned ?? null, published, isTrusted })
  say(`pinned     ${pinned ?? 'none'}\npublished  ${published}`)
  if (pinned === published) return remark(`${device}: they are the same, nothing to do`)
  if (!isTrusted) return remark('compare it with what the device itself says, then give --yes to pin it')
  say(`${device}: the published key is pinned`)
  if (pinned !== undefined && sealed.length > 0)
    remark(`set again what was sealed for the old key: ${sealed.map(({ app, name }) => `${app} ${name}`).join(', ')}`)
}
