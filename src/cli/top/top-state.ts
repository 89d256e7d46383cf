/** What is known of the devices for a live table: the newest value of each metric, what it was before, and rates. Pure. */
import type { Inventory } from '../../protocol/inventory.ts'
import type { Reported } from '../../protocol/reported.ts'
import type { Status } from '../../protocol/status.ts'

export type Series = {
  readonly values: Readonly<Record<string, number>>
  /** of the messages before, oldest first; one that did not hold a metric had the value before it */
  readonly history: readonly Readonly<Record<string, number>>[]
  /** of counters: by second, between the last two messages that held them */
  readonly rates: Readonly<Record<string, number>>
  /** when each metric came last, epoch ms of the device */
  readonly atMs: Readonly<Record<string, number>>
}

export type TopDevice = {
  readonly status?: Status
  readonly inventory?: Inventory
  readonly host: Series
  readonly reported: ReadonlyMap<string, Reported>
  /** of an app: its metrics have the service before their names */
  readonly apps: ReadonlyMap<string, Series>
}

export type TopState = ReadonlyMap<string, TopDevice>

export const emptyTop: TopState = new Map()

const noSeries: Series = { values: {}, history: [], rates: {}, atMs: {} }
const noDevice: TopDevice = { host: noSeries, reported: new Map(), apps: new Map() }

const longestHistory = 60

/** A message as it came, read. */
export type TopMessage =
  | { readonly kind: 'status'; readonly message: Status | undefined }
  | { readonly kind: 'inventory'; readonly message: Inventory | undefined }
  | { readonly kind: 'reported'; readonly app: string; readonly message: Reported | undefined }
  | {
      readonly kind: 'telemetry'
      readonly app?: string | undefined
      readonly atMs: number
      readonly metrics: Readonly<Record<string, number>>
    }

export const withMessage = (state: TopState, device: string, read: TopMessage): TopState => {
  const before = state.get(device) ?? noDevice
  return new Map(state).set(device, after(before, read))
}

const after = (device: TopDevice, read: TopMessage): TopDevice => {
  switch (read.kind) {
    case 'status':
    case 'inventory': {
      const { [read.kind]: _, ...rest } = device
      return read.message === undefined ? rest : { ...rest, [read.kind]: read.message }
    }
    case 'reported': {
      const reported = new Map(device.reported)
      const apps = new Map(device.apps)
      if (read.message === undefined || read.message.phase === 'removed') {
        reported.delete(read.app)
        apps.delete(read.app)
      } else reported.set(read.app, read.message)
      return { ...device, reported, apps }
    }
    case 'telemetry': {
      const { app, atMs, metrics } = read
      if (app === undefined) return { ...device, host: withMetrics(device.host, metrics, atMs) }
      const series = withMetrics(device.apps.get(app) ?? noSeries, metrics, atMs)
      return { ...device, apps: new Map(device.apps).set(app, series) }
    }
  }
}

const withMetrics = (series: Series, metrics: Readonly<Record<string, number>>, atMs: number): Series => {
  // What was queued while the link was down comes late, after what is newer.
  const newer = Object.entries(metrics).filter(([name]) => atMs > (series.atMs[name] ?? Number.NEGATIVE_INFINITY))
  if (newer.length === 0) return series
  const rates = newer.flatMap(([name, value]) => {
    const [was, wasAt] = [series.values[name], series.atMs[name]]
    if (was === undefined || wasAt === undefined) return []
    return [[name, Math.max(0, value - was) / ((atMs - wasAt) / 1_000)] as const]
  })
  const values = { ...series.values, ...Object.fromEntries(newer) }
  return {
    values,
    history: [...series.history, values].slice(-longestHistory),
    rates: { ...series.rates, ...Object.fromEntries(rates) },
    atMs: { ...series.atMs, ...Object.fromEntries(newer.map(([name]) => [name, atMs])) },
  }
}
