/** `longshore enroll`: which devices may join the site, and which no more. On the machine that has the folder of the site. */
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { builtAt } from '../../built-at.ts'
import { LongshoreError } from '../../protocol/reason.ts'
import { collect, parseCount, parseDevice, parseDuration } from '../arguments.ts'
import { remark, say, sayJson, table } from '../output.ts'
import { defaultSiteFolder, siteFolderText } from '../site-folder.ts'
import { parseLabels } from './label.ts'

type Common = { dir?: string; json?: boolean }
type TokenOptions = Common & { uses: number; expires: number; device?: string; group?: string; label?: string[] }

const dayMs = 86_400_000
/** What was issued is remembered for longer, so that no use is forgotten. */
const longestMs = 90 * dayMs

export const addEnroll = (program: Command): void => {
  const enroll = program
    .command('enroll')
    .description('let devices join the site of the embedded broker, and shut them out again')
    .option('--dir <folder>', siteFolderText)
    .option('--json', 'for programs')
    .addHelpText(
      'after',
      `
Examples:
  longshore enroll token
  longshore enroll token --uses 20 --expires 7d --group press --label hall=3
  longshore enroll token --device gw-17
  longshore enroll revoke gw-17`,
    )
  const token = enroll
    .command('token')
    .description('make a token, by which a device gets its certificate: longshore agent enroll')
    .option('--uses <n>', 'how many devices it is for', parseCount, 1)
    .option('--expires <duration>', 'how long it is good for, as in 8h or 30d; 90d at most', parseExpiry, dayMs)
    .option('-d, --device <id>', 'for this device alone, also if it has a certificate already', parseDevice)
    .option('--group <name>', 'short for --label group=NAME')
    .option('--label <name=value>', 'label that the device gets; may be given several times', collect)
    .action(async (_: unknown, command: Command) => makeToken(command.optsWithGlobals()))
  token
    .command('ls')
    .description('list the tokens; never their secrets')
    .action(async (_: unknown, command: Command) => showTokens(command.optsWithGlobals()))
  token
    .command('rm')
    .description('take a token back; devices that came with it stay')
    .argument('<id>', 'of the token: longshore enroll token ls', parseTokenId)
    .action(async (id: string, _: unknown, command: Command) => {
      const { files, revokeToken } = await openSite(command.optsWithGlobals())
      await revokeToken(files, id)
      say(`${id}: taken back`)
    })
  enroll
    .command('list')
    .description('list the certificates that were issued: of each device the newest')
    .option('--all', 'every one of each device')
    .action(async (_: unknown, command: Command) => showCertificates(command.optsWithGlobals()))
  enroll
    .command('revoke')
    .description('shut a device out: every certificate that it has, at once and for good; a new token lets it in again')
    .argument('<device>', 'device', parseDevice)
    .action(async (device: string, _: unknown, command: Command) => {
      const { files, revokeDevice } = await openSite(command.optsWithGlobals())
      await revokeDevice(files, device, nowMs())
      say(`${device}: revoked; ${files.revocationList} is the list for other brokers`)
    })
}

/** As the broker has it, whose clock may not be set. */
const nowMs = (): number => Math.max(Date.now(), builtAt)

const openSite = async ({ dir = defaultSiteFolder }: Common) => {
  const [{ siteFiles }, operate] = await Promise.all([
    import('../../../broker/enrolment/site-files.ts'),
    import('../../../broker/enrolment/operate.ts'),
  ])
  return { files: siteFiles(resolve(dir)), ...operate }
}

const makeToken = async (options: TokenOptions): Promise<void> => {
  const { uses, expires, device, group, label = [], json } = options
  const given = [...label, ...(group === undefined ? [] : [`group=${group}`])]
  const { set: labels, remove } = parseLabels(given)
  if (remove.length > 0) throw new LongshoreError('usage', `--label ${remove[0]}-: a token can only set labels`)
  const { files, createToken, brokerAddress } = await openSite(options)
  const text = await createToken(files, { uses, lifetimeMs: expires, device, labels, nowMs: nowMs() })
  if (json === true) return sayJson({ token: text, expiresAt: nowMs() + expires, uses })
  say(text)
  remark(`on the device: longshore agent enroll --broker ${await brokerAddress(files)} --token TOKEN`)
}

const showTokens = async (options: Common): Promise<void> => {
  const { files, listTokens } = await openSite(options)
  const tokens = await listTokens(files)
  if (options.json === true) return sayJson(tokens)
  if (tokens.length === 0) return remark('no tokens')
  const rows = tokens.map(({ id, used, uses, expiresAt, device, labels }) => {
    const shown = Object.entries(labels).map(([key, value]) => `${key}=${value}`)
    const until = expiresAt < nowMs() ? 'expired' : dateText(expiresAt)
    return [id, `${used} of ${uses}`, until, device ?? 'any', shown.join(' ')]
  })
  say(table(['TOKEN', 'USED', 'UNTIL', 'DEVICE', 'LABELS'], rows))
}

const showCertificates = async (options: Common & { all?: true }): Promise<void> => {
  const { files, listCertificates } = await openSite(options)
  const certificates = await listCertificates(files, { all: options.all === true, nowMs: nowMs() })
  if (options.json === true) return sayJson(certificates)
  if (certificates.length === 0) return remark('no certificate was issued yet')
  const rows = certificates.map(({ device, state, notAfter, serial }) => [device, state, dateText(notAfter), serial])
  say(table(['DEVICE', 'STATE', 'UNTIL', 'SERIAL'], rows))
}

const dateText = (atMs: number): string => new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')

const parseExpiry = (text: string): number => {
  const durationMs = parseDuration(text)
  if (durationMs > longestMs) throw new InvalidArgumentError('must be 90d at most')
  return durationMs
}

/** It becomes the name of a file. */
const parseTokenId = (text: string): string => {
  if (!/^[0-9a-f]{16}$/.test(text)) throw new InvalidArgumentError('must be 16 of 0-9 a-f')
  return text
}
