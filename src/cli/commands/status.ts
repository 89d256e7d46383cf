/** `longshore status`: what runs where. */
import type { Command } from 'commander'
import type { Fleet } from '../../fleet/fleet.ts'
import { type DeviceState, readState } from '../../fleet/read-state.ts'
import type { Status } from '../../protocol/status.ts'
import { parseApp, parseDevice } from '../arguments.ts'
import { type BrokerOptions, withBrokerOptions, withFleet } from '../context.ts'
import { verdictText } from '../describe-agent.ts'
import { agoText, appPhase, reasonText, servicesText, shortRelease } from '../describe-app.ts'
import { exitCode, paint, remark, say, sayJson, table } from '../output.ts'
import { listenForQuit, openScreen } from '../screen.ts'

type Options = BrokerOptions & { device?: string; watch?: boolean }

export const addStatus = (program: Command): void => {
  withBrokerOptions(program.command('status'))
    .description('show what runs where, and why not')
    .argument('[app]', 'only this app', parseApp)
    .option('-d, --device <id>', 'only this device', parseDevice)
    .option('--watch', 'go on and show every change')
    .option('--json', 'one object; with --watch one line a change')
    .action(async (app: string | undefined, options: Options) => {
      await withFleet(options, (fleet) =>
        options.watch === true ? watch(fleet, app, options) : once(fleet, app, options),
      )
    })
}

const filtersOf = ({ topics }: Fleet, app: string | undefined, device: string | undefined): string[] => {
  const where = device ?? '+'
  return [
    topics.status(where),
    topics.bridgeStatus('+'),
    topics.desired(where, app ?? '+'),
    topics.reported(where, app ?? '+'),
  ]
}

const once = async (fleet: Fleet, app: string | undefined, options: Options): Promise<void> => {
  const devices = readState(fleet.topics, await fleet.read(filtersOf(fleet, app, options.device)))
  if (options.json === true) return sayJson(toJson(devices))
  const rows = rowsOf(devices)
  if (rows.length > 0) return say(statusTable(rows))
  const what = app === undefined ? 'no app' : `no app ${app}`
  remark(`${what} ${options.device === undefined ? 'on this broker' : `on ${options.device}`}`)
  // Asking for one thing that is not there is a failure; an empty fleet is not.
  if (app !== undefined || options.device !== undefined) process.exitCode = exitCode.failed
}

const watch = async (fleet: Fleet, app: string | undefined, options: Options): Promise<void> => {
  const retained = new Map<string, Buffer>()
  const isTerminal = process.stdout.isTTY === true
  const isDrawn = isTerminal && options.json !== true
  const quit = listenForQuit(isDrawn ? 'read' : 'left')
  const screen = isDrawn ? openScreen(process.stdout) : undefined
  let isDue = false
  const draw = (): void => {
    isDue = false
    screen?.draw(statusTable(rowsOf(readState(fleet.topics, retained))))
  }
  const watching = fleet.watch(filtersOf(fleet, app, options.device), ({ topic, payload }) => {
    if (payload.byteLength === 0) retained.delete(topic)
    else retained.set(topic, payload)
    const site = fleet.topics.parseBridgeStatus(topic)
    const parsed = fleet.topics.parse(topic)
    if (parsed === undefined && site === undefined) return
    if (screen !== undefined) {
      // Retained state comes in a burst: one drawing for all of it.
      if (!isDue) setTimeout(draw, 100)
      isDue = true
      return
    }
    const devices = readState(fleet.topics, retained)
    if (parsed === undefined) return showBehind(devices, site, options)
    const changed = devices.get(parsed.device)
    if (changed === undefined) return
    // What changed, in the light of everything known: a report means little without what was asked for.
    const apps = new Map([...changed.apps].filter(([name]) => !('app' in parsed) || name === parsed.app))
    const shown = new Map([[parsed.device, { ...changed, apps }]])
    if (options.json === true) sayJson({ event: parsed.kind, ...toJson(shown).devices[0] })
    else for (const row of rowsOf(shown)) say(row.filter((cell) => cell !== '').join('  '))
  })
  // How long something has been so grows also while nothing comes.
  const clock = screen && setInterval(draw, 5_000)
  try {
    await Promise.race([watching, quit.asked])
    await quit.asked
  } finally {
    clearInterval(clock)
    quit.restoreKeys()
    screen?.close()
  }
}

/** The devices of a site whose bridge came or went. */
const showBehind = (devices: ReadonlyMap<string, DeviceState>, site: string | undefined, options: Options): void => {
  const behind = new Map([...devices].filter(([, { status }]) => site !== undefined && status?.via?.includes(site)))
  if (options.json === true) for (const device of toJson(behind).devices) sayJson({ event: 'bridge', ...device })
  else for (const row of rowsOf(behind)) say(row.filter((cell) => cell !== '').join('  '))
}

const header = ['DEVICE', 'APP', 'PHASE', 'SERVICES', 'RELEASE', 'SINCE', 'REASON']

const statusTable = (rows: readonly string[][]): string => table(header, rows)

const rowsOf = (devices: ReadonlyMap<string, DeviceState>): string[][] =>
  [...devices.values()].flatMap(({ device, status, apps, silentBridge }) =>
    [...apps].map(([app, state]) => [
      silentBridge === undefined ? deviceText(device, status) : `${device} ${paint('yellow', '(unknown)')}`,
      app,
      appPhase(state),
      servicesText(state.reported),
      shortRelease(state.reported?.release),
      state.reported === undefined ? '-' : agoText(state.reported.since, Date.now()),
      reasonText(state),
    ]),
  )

const deviceText = (device: string, status: Status | undefined): string => {
  if (status?.online === false) return `${device} ${paint('red', '(offline)')}`
  const { health } = status ?? {}
  return health === undefined || health.verdict === 'ok' ? device : `${device} (${verdictText(health)})`
}

const toJson = (devices: ReadonlyMap<string, DeviceState>) => ({
  devices: [...devices.values()].map(({ device, status, apps, silentBridge }) => ({
    device,
    status: status ?? null,
    silentBridge: silentBridge?.site ?? null,
    apps: [...apps].map(([app, { desired, reported }]) => ({
      app,
      desired:
        desired === undefined
          ? null
          : {
              generation: desired.generation,
              release: desired.remove ? null : desired.release,
              remove: desired.remove === true,
              issuedAt: desired.issuedAt,
              by: desired.by,
            },
      reported: reported ?? null,
    })),
  })),
})
