/** Which broker a command talks to: flags first, then the environment, then a named context. */
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { pino } from 'pino'
import { parse } from 'yaml'
import { z } from 'zod'
import { defined } from '../defined.ts'
import { connectFleet, type Fleet, type FleetInput } from '../fleet/fleet.ts'
import { isBrokerUrl } from '../link/addresses.ts'
import { readBrokerFiles } from '../link/broker-files.ts'
import { rootSchema } from '../protocol/names.ts'
import { describeIssue } from '../protocol/payload.ts'
import { LongshoreError } from '../protocol/reason.ts'
import { defaultRoot } from '../protocol/topics.ts'
import { whyUnreadable } from '../why-unreadable.ts'
import { remark } from './output.ts'

export type BrokerOptions = {
  readonly broker?: string | undefined
  readonly username?: string | undefined
  readonly passwordFile?: string | undefined
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly root?: string | undefined
  readonly context?: string | undefined
  readonly json?: boolean | undefined
}

export const defaultBrokerUrl = 'mqtt://127.0.0.1:1883'

/** The options that every command which talks to a broker has. */
export const withBrokerOptions = (command: Command): Command =>
  command
    .option(
      '--broker <url>',
      `mqtt://, mqtts://, ws:// or wss://; several of one cluster with commas between (default: $LONGSHORE_BROKER, or ${defaultBrokerUrl})`,
    )
    .option('--username <name>', 'user name at the broker')
    .option('--password-file <file>', 'file that holds the password')
    .option('--ca <file>', 'PEM file of the authority that signed the certificate of the broker')
    .option('--cert <file>', 'PEM file of the own certificate')
    .option('--key <file>', 'PEM file of the key of the own certificate')
    .option('--root <topic>', `what stands before /v1/ in every topic (default: ${defaultRoot})`)
    .option(
      '--context <name>',
      'take what is not given from ~/.config/longshore/<name>.yaml (default: $LONGSHORE_CONTEXT)',
    )

const contextSchema = z.strictObject({
  broker: z.string().optional(),
  username: z.string().optional(),
  passwordFile: z.string().optional(),
  ca: z.string().optional(),
  cert: z.string().optional(),
  key: z.string().optional(),
  root: rootSchema.optional(),
})

/** Where contexts stand, and what is remembered of devices. */
export const contextDirectory = (): string =>
  join(process.env.XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'longshore')

/**
 * What was given, and by whom does not matter any more: flags, then a context that was named by a flag, then
 * LONGSHORE_BROKER, then the context of LONGSHORE_CONTEXT. @throws LongshoreError config-invalid, file-unreadable
 */
export const mergeBroker = async ({ context: named, ...options }: BrokerOptions): Promise<BrokerOptions> => {
  // Commander hands over the options of the whole command; only those of a broker are of use here.
  const { broker, username, passwordFile, ca, cert, key, root } = options
  const flags = { broker, username, passwordFile, ca, cert, key, root }
  const fallback = process.env.LONGSHORE_CONTEXT
  const environment = process.env.LONGSHORE_BROKER ? { broker: process.env.LONGSHORE_BROKER } : {}
  if (named !== undefined) return { ...environment, ...(await readContext(named)), ...defined(flags) }
  return { ...(fallback ? await readContext(fallback) : {}), ...environment, ...defined(flags) }
}

/** The same, with defaults, checked. @throws LongshoreError usage too */
export const resolveBroker = async (
  options: BrokerOptions,
): Promise<BrokerOptions & { broker: string; root: string }> => {
  const merged = await mergeBroker(options)
  const broker = merged.broker ?? defaultBrokerUrl
  if (!isBrokerUrl(broker))
    throw new LongshoreError('usage', `broker ${JSON.stringify(broker)} is not mqtt://, mqtts://, ws:// or wss://`, {
      path: 'broker',
    })
  const root = rootSchema.safeParse(merged.root ?? defaultRoot)
  if (!root.success)
    throw new LongshoreError('usage', `root ${JSON.stringify(merged.root)} ${root.error.issues[0]?.message}`, {
      path: 'root',
    })
  return { ...merged, broker, root: root.data }
}

/** What a connection to the fleet is made with. @throws LongshoreError usage, config-invalid, file-unreadable */
export const fleetInput = async (options: BrokerOptions): Promise<Pick<FleetInput, 'broker' | 'root'>> => {
  const { broker: url, root, ...rest } = await resolveBroker(options)
  return { broker: await readBrokerFiles({ url, ...rest }), root }
}

/** Connects as an operator and closes the connection after the work, whatever comes of it. */
export const withFleet = async <T>(options: BrokerOptions, work: (fleet: Fleet) => Promise<T>): Promise<T> => {
  let isConnected = false
  const fleet = await connectFleet({
    ...(await fleetInput(options)),
    log: pino({ level: 'silent' }),
    onLink: ({ isUp, reason }) => {
      if (isConnected && !isUp) remark(`the connection was lost (${reason?.message}); trying again`)
      if (isConnected && isUp) remark('connected again')
      isConnected ||= isUp
    },
  })
  try {
    return await work(fleet)
  } finally {
    await fleet.close()
  }
}

const readContext = async (name: string): Promise<z.infer<typeof contextSchema>> => {
  if (!/^[A-Za-z0-9_-]+$/.test(name))
    throw new LongshoreError('usage', `context ${JSON.stringify(name)} is not a name of letters, digits, - and _`)
  const file = join(contextDirectory(), `${name}.yaml`)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    throw new LongshoreError('file-unreadable', `context ${name}: ${file}: ${whyUnreadable(error)}`, { cause: error })
  }
  let value: unknown
  try {
    value = parse(text) ?? {}
  } catch (error) {
    throw new LongshoreError('config-invalid', `context ${name} is not YAML: ${(error as Error).message}`, {
      place: { file },
      cause: error,
    })
  }
  const parsed = contextSchema.safeParse(value)
  if (parsed.success) {
    // Files are named as seen from the context, so that a folder of contexts can be moved as one.
    const { passwordFile, ca, cert, key, ...rest } = parsed.data
    const files = Object.entries(defined({ passwordFile, ca, cert, key }) as Record<string, string>)
    return { ...rest, ...Object.fromEntries(files.map(([option, path]) => [option, resolve(dirname(file), path)])) }
  }
  throw new LongshoreError('config-invalid', describeIssue(parsed.error).message, { place: { file } })
}
