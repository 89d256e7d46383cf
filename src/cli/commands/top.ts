/** `longshore top`: what the devices, or the services of one, are doing right now. */
import { type Command, Option } from 'commander'
import { ask } from '../../fleet/command.ts'
import type { Fleet } from '../../fleet/fleet.ts'
import { noteBridge } from '../../fleet/silent-bridge.ts'
import { inventorySchema } from '../../protocol/inventory.ts'
import type { Said } from '../../protocol/is-newer.ts'
import { readPayload } from '../../protocol/payload.ts'
import { LongshoreError, reasonOf } from '../../protocol/reason.ts'
import { reportedSchema } from '../../protocol/reported.ts'
import { statusSchema } from '../../protocol/status.ts'
import { telemetrySchema } from '../../protocol/telemetry.ts'
import { parseCount, parseDevice } from '../arguments.ts'
import { answered } from '../ask-devices.ts'
import { type BrokerOptions, withBrokerOptions, withFleet } from '../context.ts'
import { remark, say, sayJson } from '../output.ts'
import { listenForQuit, openScreen } from '../screen.ts'
import { emptyTop, type TopMessage, type TopState, withMessage } from '../top/top-state.ts'
import { hostsTable, type SortKey, servicesTable, sortKeys, type View } from '../top/top-table.ts'

type Options = BrokerOptions & { device?: string; sort: SortKey; count?: number; live: boolean }

/** How long a device goes on telling all it sees after nobody asks any more, and how often it is asked. */
const liveForMs = 60_000
const renewEveryMs = 25_000
const askTimeoutMs = 10_000

const drawEveryMs = 250

export const addTop = (program: Command): void => {
  withBrokerOptions(program.command('top'))
    .description('watch what the devices, or the services of one, are doing')
    .option(
      '-d, --device <id>',
      'the services of this device, which tells all it sees each second meanwhile',
      parseDevice,
    )
    .addOption(new Option('--sort <by>', 'first comes what has most').choices(sortKeys).default('cpu'))
    .option('--no-live', 'do not ask the device to tell more than it does anyway')
    .option(
      '-n, --count <number>',
      'print the table so many times, each after something new came, and end; with --json so many messages',
      parseCount,
    )
    .option('--json', 'one object a message of telemetry')
    .addHelpText(
      'after',
      '\nOn a terminal the table is drawn again in place; q or Ctrl-C ends it.\n\nExamples:\n  longshore top\n  longshore top --device gw-1',
    )
    .action(async (options: Options) => {
      await withFleet(options, (fleet) => watch(fleet, options))
    })
}

const watch = async (fleet: Fleet, options: Options): Promise<void> => {
  const { device, count, json } = options
  const isDrawn = json !== true && count === undefined && process.stdout.isTTY === true
  let state: TopState = emptyTop
  const silentSites = new Set<string>()
  let note = ''
  let shown = 0
  let timer: NodeJS.Timeout | undefined
  const quit = listenForQuit(isDrawn ? 'read' : 'left')
  const screen = isDrawn ? openScreen(process.stdout) : undefined

  const show = (): void => {
    timer = undefined
    const text = tableOf(state, device, { sort: options.sort, nowMs: performance.now(), silentSites })
    if (screen !== undefined) screen.draw(note === '' ? text : `${text}\n\n${note}`)
    else {
      say(text)
      shown += 1
      if (shown === (count ?? 1)) quit.end()
    }
  }
  const onNews = (): void => {
    if (timer === undefined && (isDrawn || shown < (count ?? 1))) timer = setTimeout(show, drawEveryMs)
  }

  const where = device ?? '+'
  const { topics } = fleet
  const filters = [
    ...[topics.status(where), topics.bridgeStatus('+'), topics.inventory(where), topics.reported(where, '+')],
    ...[topics.telemetryOfHost(where), topics.telemetryOfApp(where, '+')],
  ]
  const watching = fleet.watch(filters, ({ topic, payload }) => {
    const site = topics.parseBridgeStatus(topic)
    if (site !== undefined) noteBridge(silentSites, site, payload)
    if (site !== undefined && isDrawn) onNews()
    const parsed = topics.parse(topic)
    if (parsed === undefined) return
    const read = readMessage(parsed, payload)
    if (read === undefined) return
    state = withMessage(state, parsed.device, read)
    if (json !== true) {
      if (isDrawn || read.kind === 'telemetry') onNews()
    } else if (read.kind === 'telemetry' && shown !== count) {
      sayJson({ device: parsed.device, app: read.app ?? null, at: read.said.at, metrics: read.metrics })
      shown += 1
      if (shown === count) quit.end()
    }
  })
  let renewal: { readonly stop: () => void } | undefined
  let clock: NodeJS.Timeout | undefined
  try {
    await Promise.race([watching, quit.asked])
    if (device !== undefined && options.live)
      renewal = keepLive(fleet, device, (said) => {
        note = said
        if (isDrawn) onNews()
        else if (said !== '') remark(said)
      })
    // Ages grow also while nothing comes.
    if (isDrawn) clock = setInterval(onNews, 5_000)
    if (isDrawn) show()
    else if (json !== true)
      remark(device === undefined ? 'waiting for telemetry' : `waiting for telemetry of ${device}`)
    await quit.asked
  } finally {
    clearInterval(clock)
    clearTimeout(timer)
    renewal?.stop()
    quit.restoreKeys()
    screen?.close()
  }
}

const tableOf = (state: TopState, device: string | undefined, view: View): string => {
  if (device === undefined) return state.size === 0 ? 'no device on this broker' : hostsTable(state, view)
  const found = state.get(device)
  return found === undefined ? `nothing is known of ${device}` : servicesTable(device, found, view)
}

type Parsed = NonNullable<ReturnType<Fleet['topics']['parse']>>

/** undefined: nothing that the table shows, or nothing that can be read. */
const readMessage = (parsed: Parsed, payload: Buffer): TopMessage | undefined => {
  const isGone = payload.byteLength === 0
  switch (parsed.kind) {
    case 'status': {
      const read = readPayload(statusSchema, payload, mostBytes)
      return isGone || read.ok ? { kind: 'status', message: read.ok ? read.value : undefined } : undefined
    }
    case 'inventory': {
      const read = readPayload(inventorySchema, payload, mostBytes)
      return isGone || read.ok ? { kind: 'inventory', message: read.ok ? read.value : undefined } : undefined
    }
    case 'reported': {
      const read = readPayload(reportedSchema, payload, mostBytes)
      return isGone || read.ok
        ? { kind: 'reported', app: parsed.app, message: read.ok ? read.value : undefined }
        : undefined
    }
    case 'telemetry': {
      const read = readPayload(telemetrySchema, payload, mostBytes)
      if (!read.ok) return undefined
      const { at, epoch, seq, schema: _, session: __, class: ___, ...rest } = read.value
      const said: Said = { at, epoch, seq }
      const metrics = Object.fromEntries(
        Object.entries(rest).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
      )
      return { kind: 'telemetry', app: parsed.app, said, cameMs: performance.now(), metrics }
    }
    default:
      return undefined
  }
}

const mostBytes = 16 * 1024 * 1024

/** Asks the device to tell all it sees, again and again for a little while, so that it ends soon after this does. */
const keepLive = (fleet: Fleet, device: string, note: (said: string) => void): { readonly stop: () => void } => {
  const renew = async (): Promise<void> => {
    try {
      const args = { profile: 'live', forMs: liveForMs }
      answered(
        device,
        await ask(fleet, { device, verb: 'set-telemetry', args, timeoutMs: askTimeoutMs, now: Date.now() }),
      )
      note('')
    } catch (error) {
      if (!(error instanceof LongshoreError)) throw error
      note(`what comes is what the device tells anyway: ${reasonOf(error).message}`)
    }
  }
  const safely = (): void => void renew().catch((error: unknown) => note(reasonOf(error).message))
  safely()
  const timer = setInterval(safely, renewEveryMs)
  return { stop: () => clearInterval(timer) }
}
