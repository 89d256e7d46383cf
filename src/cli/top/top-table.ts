/** The live table: hosts, or the services of one device. Pure but for colour. */
import { silentSiteOf } from '../../fleet/silent-bridge.ts'
import { verdictText } from '../describe-agent.ts'
import { agoText } from '../describe-app.ts'
import { amountText } from '../describe-bytes.ts'
import { paint, table } from '../output.ts'
import type { Series, TopDevice, TopState } from './top-state.ts'

export const sortKeys = ['cpu', 'memory', 'name'] as const
export type SortKey = (typeof sortKeys)[number]

export type View = {
  readonly sort: SortKey
  /** ms of the clock by which messages came */
  readonly nowMs: number
  /** whose bridges are offline */
  readonly silentSites: ReadonlySet<string>
}

type Row = { readonly name: string; readonly cpu: number; readonly memory: number; readonly cells: readonly string[] }

export const hostsTable = (state: TopState, view: View): string =>
  table(
    ['DEVICE', 'STATE', 'CPU', '', 'MEMORY', '', 'LOAD', 'DISK FREE', 'TEMP', 'APPS', 'AGE'],
    sorted(
      [...state].map(([name, device]) => hostRow(name, device, view)),
      view.sort,
    ),
  )

export const servicesTable = (name: string, device: TopDevice, view: View): string => {
  const { host } = device
  const head = [
    `${paint('bold', name)}  ${stateText(device, view)}  ${ageText(host, view)}`,
    `cpu ${percentText(host.values.cpuPercent)} ${sparkline(history(host, 'cpuPercent'), 100)}  load ${host.values.load1 ?? '-'}  memory ${memoryText(host)} ${sparkline(history(host, 'memoryUsedBytes'), total(host))}  disk ${diskText(host)}  ${temperatureText(host)}`,
  ]
  const rows = [...device.reported].flatMap(([app, { services }]) =>
    Object.entries(services).map(([service, { state, health }]) =>
      serviceRow(app, service, health === 'none' ? state : health, device.apps.get(app)),
    ),
  )
  const header = [
    'APP',
    'SERVICE',
    'STATE',
    'CPU',
    '',
    'MEMORY',
    '',
    'LIMIT',
    'NET IN/OUT',
    'DISK R/W',
    'PIDS',
    'RESTARTS',
  ]
  return [...head, '', table(header, sorted(rows, view.sort))].join('\n')
}

const sorted = (rows: readonly Row[], sort: SortKey): readonly (readonly string[])[] =>
  [...rows]
    .sort((a, b) => (sort === 'name' ? 0 : b[sort] - a[sort]) || (a.name < b.name ? -1 : 1))
    .map(({ cells }) => cells)

const hostRow = (name: string, device: TopDevice, view: View): Row => {
  const { host, reported } = device
  const { cpuPercent, load1, memoryUsedBytes } = host.values
  const cells = [
    name,
    stateText(device, view),
    percentText(cpuPercent),
    sparkline(history(host, 'cpuPercent'), 100),
    memoryText(host),
    sparkline(history(host, 'memoryUsedBytes'), total(host)),
    String(load1 ?? '-'),
    diskText(host),
    temperatureText(host),
    String(reported.size),
    ageText(host, view),
  ]
  return { name, cpu: cpuPercent ?? -1, memory: memoryUsedBytes ?? -1, cells }
}

const serviceRow = (app: string, service: string, state: string, series: Series | undefined): Row => {
  const value = (metric: string): number | undefined => series?.values[`${service}.${metric}`]
  const rate = (metric: string): string => {
    const bytes = series?.rates[`${service}.${metric}`]
    return bytes === undefined ? '-' : `${amountText(bytes)}/s`
  }
  const amount = (metric: string): string => {
    const bytes = value(metric)
    return bytes === undefined ? '-' : amountText(bytes)
  }
  const past = (metric: string): readonly number[] =>
    series === undefined ? [] : history(series, `${service}.${metric}`)
  const cells = [
    app,
    service,
    state,
    percentText(value('cpuPercent')),
    sparkline(past('cpuPercent'), 100),
    amount('memoryBytes'),
    sparkline(past('memoryBytes'), value('memoryLimitBytes')),
    amount('memoryLimitBytes'),
    `${rate('receivedBytes')} ${rate('sentBytes')}`,
    `${rate('readBytes')} ${rate('writtenBytes')}`,
    String(value('pids') ?? '-'),
    String(value('restarts') ?? '-'),
  ]
  return { name: `${app}/${service}`, cpu: value('cpuPercent') ?? -1, memory: value('memoryBytes') ?? -1, cells }
}

const stateText = ({ status }: TopDevice, { silentSites }: View): string => {
  if (status === undefined || silentSiteOf(status, silentSites) !== undefined) return paint('yellow', 'unknown')
  if (!status.online) return paint('red', 'offline')
  return status.health === undefined ? paint('green', 'online') : verdictText(status.health)
}

const percentText = (percent: number | undefined): string => (percent === undefined ? '-' : `${percent.toFixed(1)} %`)

const total = ({ values }: Series): number | undefined => {
  const { memoryUsedBytes, memoryAvailableBytes } = values
  return memoryUsedBytes === undefined || memoryAvailableBytes === undefined
    ? undefined
    : memoryUsedBytes + memoryAvailableBytes
}

const memoryText = (host: Series): string => {
  const all = total(host)
  return all === undefined ? '-' : `${amountText(host.values.memoryUsedBytes ?? 0)} of ${amountText(all)}`
}

/** The fullest one. */
const diskText = ({ values }: Series): string => {
  const disks = Object.entries(values).flatMap(([name, free]) => {
    const [, mount] = /^disk\.(.*)\.freeBytes$/.exec(name) ?? []
    const used = values[`disk.${mount}.usedBytes`]
    return mount === undefined || used === undefined ? [] : [{ mount, free, share: free / Math.max(1, free + used) }]
  })
  const [worst] = disks.sort((a, b) => a.share - b.share)
  return worst === undefined ? '-' : `${amountText(worst.free)} (${Math.round(worst.share * 100)} %) ${worst.mount}`
}

const temperatureText = ({ values }: Series): string => {
  const degrees = Object.entries(values).flatMap(([name, value]) =>
    /^temperature\..*\.celsius$/.test(name) ? [value] : [],
  )
  return degrees.length === 0 ? '-' : `${Math.max(...degrees)} °C`
}

/** Since when nothing new came: between two reports nothing moved by its band, or nobody told. */
const ageText = ({ cameMs }: Series, { nowMs }: View): string => (cameMs === undefined ? '-' : agoText(cameMs, nowMs))

const history = ({ history: past }: Series, metric: string): readonly number[] =>
  past.flatMap((values) => values[metric] ?? [])

const bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
const sparkWidth = 12

/** The last values as bars from 0 to `most`, or to the highest of them where that is more or nothing is known. */
export const sparkline = (values: readonly number[], most = 0): string => {
  const shown = values.slice(-sparkWidth)
  const top = Math.max(most, ...shown)
  const barOf = (value: number): string => {
    const share = top > 0 ? Math.max(0, value) / top : 0
    return bars[Math.min(bars.length - 1, Math.floor(share * bars.length))] as string
  }
  return shown.map(barOf).join('').padStart(sparkWidth)
}
