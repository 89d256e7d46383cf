/** What is known of the devices for a live table: the newest value of each metric, what it was before, and rates. Pure. */

import type { Inventory } from '../../protocol/inventory.ts'
import { isNewer, type Said } from '../../protocol/is-newer.ts'
import type { Reported } from '../../protocol/reported.ts'
import type { Status } from '../../protocol/status.ts'

export type Series = {
  readonly values: Readonly<Record<string, number>>
  /** of the messages before, oldest first; one that did not hold a metric had the value before it */
  readonly history: readonly Readonly<Record<string, number>>[]
  /** of counters: by second, between the last two messages that held them */
  readonly rates: Readonly<Record<string, number>>
  /** the message that each metric stood in last */
  readonly said: Readonly<Record<string, Said>>
  /** when something new came last, in ms of a clock here: that of the device may be wrong */
  readonly cameMs?: number
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

const noSeries: Series = { values: {}, history: [], rates: {}, said: {} }
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
      readonly said: Said
      readonly cameMs: number
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
      const { app } = read
      if (app === undefined) return { ...device, host: withMetrics(device.host, read) }
      const series = withMetrics(device.apps.get(app) ?? noSeries, read)
      return { ...device, apps: new Map(device.apps).set(app, series) }
    }
  }
}

const withMetrics = (
  series: Series,
  { metrics, said, cameMs }: Extract<TopMessage, { readonly kind: 'telemetry' }>,
): Series => {
  // What was queued while the link was down comes late, after what is newer.
  const newer = Object.entries(metrics).filter(([name]) => {
    const before = series.said[name]
    return before === undefined || isNewer(said, before)
  })
  if (newer.length === 0) return series
  const rates = newer.flatMap(([name, value]) => {
    const [was, before] = [series.values[name], series.said[name]]
    // Between the two the clock of the device may have been set back.
    if (was === undefined || before === undefined || said.at <= before.at) return []
    return [[name, Math.max(0, value - was) / ((said.at - before.at) / 1_000)] as const]
  })
  const values = { ...series.values, ...Object.fromEntries(newer) }
  return {
    values,
    history: [...series.history, values].slice(-longestHistory),
    rates: { ...series.rates, ...Object.fromEntries(rates) },
    said: { ...series.said, ...Object.fromEntries(newer.map(([name]) => [name, said])) },
    cameMs,
  }
}
