/** What the services of the apps use, from what the kernel counted for their containers now and the time before. Pure. */
import type { Metrics } from './host-sample.ts'
import type { Usage } from './parse-cgroup.ts'

export type ContainerReading = {
  readonly id: string
  readonly app: string
  readonly service: string
  readonly usage: Usage
  readonly imageBytes?: number | undefined
}

/** What is kept from one sample for the next. */
export type ServiceCounts = {
  /** ms of a clock that never jumps */
  readonly atMs: number
  readonly usages: ReadonlyMap<string, Usage>
  /** by app and service: what its containers used since the agent started, also those that are gone */
  readonly totals: ReadonlyMap<string, Counters>
}

type Counters = Readonly<Record<Counter, number | undefined>>

const counters = [
  'cpuMs',
  'throttledMs',
  'outOfMemoryKills',
  'readBytes',
  'writtenBytes',
  'receivedBytes',
  'sentBytes',
] as const
type Counter = (typeof counters)[number]

export type ServiceSample = {
  readonly counts: ServiceCounts
  /** by app, then by service */
  readonly apps: ReadonlyMap<string, ReadonlyMap<string, Metrics>>
}

/**
 * A counter of a service goes on when its container is replaced, and is the sum over its replicas.
 * @param before absent: nothing has been counted yet, and what containers used until now is where counting begins
 */
export const sampleServices = (
  readings: readonly ContainerReading[],
  before: ServiceCounts | undefined,
  nowMs: number,
): ServiceSample => {
  const totals = new Map(before?.totals)
  const usages = new Map<string, Usage>()
  const apps = new Map<string, Map<string, Metrics>>()
  for (const [key, ofService] of byService(readings)) {
    let total = totals.get(key)
    for (const { id, usage } of ofService) {
      const last = before?.usages.get(id)
      // One that came since the last sample counts from its beginning.
      const base = before === undefined ? usage : (last ?? {})
      total = added(total, base, usage)
      usages.set(id, { ...last, ...usage })
    }
    if (total === undefined) continue
    const spentMs = (total.cpuMs ?? 0) - (totals.get(key)?.cpuMs ?? 0)
    totals.set(key, total)
    const { app = '', service = '' } = ofService[0] ?? {}
    const services = apps.get(app) ?? new Map<string, Metrics>()
    apps.set(app, services)
    services.set(service, {
      containers: ofService.length,
      ...(before === undefined || total.cpuMs === undefined
        ? {}
        : { cpuPercent: Math.round((spentMs / Math.max(1, nowMs - before.atMs)) * 1_000) / 10 }),
      ...gauges(ofService.map(({ usage }) => usage)),
      ...present({ imageBytes: ofService[0]?.imageBytes }),
      ...present(total),
    })
  }
  return { counts: { atMs: nowMs, usages, totals }, apps }
}

const byService = (readings: readonly ContainerReading[]): ReadonlyMap<string, ContainerReading[]> => {
  const groups = new Map<string, ContainerReading[]>()
  for (const reading of readings) {
    const key = `${reading.app}/${reading.service}`
    groups.set(key, [...(groups.get(key) ?? []), reading])
  }
  return groups
}

/** What was counted less than before was counted anew: the container was started again. */
const added = (total: Counters | undefined, base: Usage, now: Usage): Counters =>
  Object.fromEntries(
    counters.map((counter) => {
      const [sum, first = 0, last] = [total?.[counter], base[counter], now[counter]]
      if (last === undefined) return [counter, sum]
      return [counter, (sum ?? 0) + (last >= first ? last - first : last)]
    }),
  ) as Counters

const gauges = (usages: readonly Usage[]): Metrics =>
  present({
    memoryBytes: sum(usages.map(({ memoryBytes }) => memoryBytes)),
    memoryLimitBytes: sum(usages.map(({ memoryLimitBytes }) => memoryLimitBytes)),
    pids: sum(usages.map(({ pids }) => pids)),
  })

/** Of what each of them has; one without makes the sum unknown. */
const sum = (values: readonly (number | undefined)[]): number | undefined =>
  values.includes(undefined) ? undefined : values.reduce<number>((total, value) => total + (value ?? 0), 0)

const present = (values: Readonly<Record<string, number | undefined>>): Metrics =>
  Object.fromEntries(Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== undefined))
