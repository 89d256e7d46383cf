/** Keeps Home Assistant told of every device of the fleet, for as long as it runs. What it has told stays when it ends. */
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import type { Fleet, FleetInput, FleetMessage } from '../fleet/fleet.ts'
import { siteSchema } from '../protocol/bridge.ts'
import { type Inventory, inventorySchema } from '../protocol/inventory.ts'
import { readPayload } from '../protocol/payload.ts'
import { reportedSchema } from '../protocol/reported.ts'
import { type Status, statusSchema } from '../protocol/status.ts'
import { telemetrySchema } from '../protocol/telemetry.ts'
import { isLearned } from './components.ts'
import { type Discovery, discoveryOf, discoveryTopic, readDiscovery } from './discovery.ts'

export type AnnouncerInput = {
  readonly connect: (more: Required<Pick<FleetInput, 'onLink'>>) => Promise<Fleet>
  readonly prefix: string
  readonly log: Logger
  /** how long changes are gathered; default 1 s */
  readonly gatherMs?: number
}

export type Announcer = { readonly stop: () => Promise<void> }

type Device = {
  hasStatus: boolean
  inventory?: Inventory
  via: readonly string[]
  readonly apps: Set<string>
  readonly metrics: Set<string>
  before?: Discovery
}

/** A machine has some disks and sensors; one that makes up names has no more than so many. */
const mostMetrics = 100
const mostApps = 100
const mostSites = 10

/** @throws LongshoreError broker-unreachable, broker-refused, subscription-refused */
export const startAnnouncer = async ({
  connect,
  prefix,
  log,
  gatherMs = 1_000,
}: AnnouncerInput): Promise<Announcer> => {
  const devices = new Map<string, Device>()
  const changed = new Set<string>()
  let fleet: Fleet | undefined
  let timer: NodeJS.Timeout | undefined
  let working: Promise<void> = Promise.resolve()
  let isStopped = false

  const filtersOf = ({ topics }: Fleet): string[] => [
    ...[topics.status('+'), topics.inventory('+'), topics.reported('+', '+'), topics.telemetryOfHost('+')],
    `${prefix}/device/+/config`,
  ]

  const deviceOf = (id: string): Device => {
    const device = devices.get(id) ?? { hasStatus: false, via: [], apps: new Set(), metrics: new Set() }
    devices.set(id, device)
    return device
  }

  const take = (from: Fleet, { topic, payload }: Pick<FleetMessage, 'topic' | 'payload'>): void => {
    const announced = readDiscovery(prefix, from.topics, topic, payload)
    const parsed = from.topics.parse(topic)
    if (announced !== undefined) {
      deviceOf(announced.device).before = announced.discovery
      changed.add(announced.device)
    } else if (parsed !== undefined) {
      const device = deviceOf(parsed.device)
      const isThere = payload.byteLength > 0
      if (parsed.kind === 'status') {
        const read = readPayload(statusSchema, payload)
        device.hasStatus = read.ok
        if (read.ok) device.via = sitesOf(read.value)
      } else if (parsed.kind === 'inventory') {
        const read = readPayload(inventorySchema, payload, Number.POSITIVE_INFINITY)
        if (read.ok) device.inventory = read.value
      } else if (parsed.kind === 'reported') {
        const read = readPayload(reportedSchema, payload, Number.POSITIVE_INFINITY)
        if (!isThere || (read.ok && read.value.phase === 'removed')) device.apps.delete(parsed.app)
        else if (read.ok && device.apps.size < mostApps) device.apps.add(parsed.app)
      } else if (parsed.kind === 'telemetry') {
        const read = readPayload(telemetrySchema, payload)
        for (const metric of read.ok ? Object.keys(read.value) : [])
          if (device.metrics.size < mostMetrics && isLearned(metric)) device.metrics.add(metric)
      }
      changed.add(parsed.device)
    }
  }

  const announce = async (to: Fleet): Promise<void> => {
    for (const id of [...changed]) {
      changed.delete(id)
      await announceOne(to, id).catch((error: unknown) => {
        changed.add(id)
        throw error
      })
    }
  }

  const announceOne = async (to: Fleet, id: string): Promise<void> => {
    const device = devices.get(id)
    if (device === undefined) return
    const topic = discoveryTopic(prefix, id)
    // To be taken out costs a device what people made of it there: what may only have come late is asked for once more.
    if (!device.hasStatus && device.before !== undefined)
      for (const [at, payload] of await to.read([to.topics.status(id)])) take(to, { topic: at, payload })
    if (!device.hasStatus) {
      if (device.before !== undefined) {
        await to.publish(topic, Buffer.alloc(0), { retain: true })
        log.info({ device: id }, 'a device is gone from Home Assistant')
      }
      devices.delete(id)
      return
    }
    const { inventory, via, apps, metrics, before } = device
    const discovery = discoveryOf({
      topics: to.topics,
      device: id,
      inventory,
      via,
      apps: sorted(apps),
      metrics: sorted(metrics),
      before,
    })
    if (isDeepStrictEqual(discovery, before)) return
    await to.publish(topic, Buffer.from(JSON.stringify(discovery)), { retain: true })
    device.before = discovery
    log.info({ device: id, entities: Object.keys(discovery.components).length }, 'a device is told of')
  }

  /** Reads all that is retained, so that also what was cleared while nobody looked is known. */
  const readAll = async (from: Fleet): Promise<void> => {
    const retained = await from.read(filtersOf(from))
    for (const [id, device] of devices) {
      device.hasStatus = false
      device.apps.clear()
      delete device.before
      changed.add(id)
    }
    for (const [topic, payload] of retained) take(from, { topic, payload })
  }

  /** One piece of work after the other; what fails is tried again with the next change. */
  const enqueue = (work: (fleet: Fleet) => Promise<void>): void => {
    working = working.then(async () => {
      if (fleet === undefined || isStopped) return
      await work(fleet).catch((error: unknown) => log.warn({ err: error }, 'Home Assistant could not be told'))
    })
  }

  const onLink = ({ isUp }: { readonly isUp: boolean }): void => {
    if (!isUp) return
    enqueue(async (to) => {
      await readAll(to)
      await announce(to)
    })
  }

  const connected = await connect({ onLink })
  try {
    await readAll(connected)
    await announce(connected)
    await connected.watch(filtersOf(connected), (message) => {
      take(connected, message)
      timer ??= setTimeout(() => {
        timer = undefined
        enqueue(announce)
      }, gatherMs)
    })
    fleet = connected
  } catch (error) {
    await connected.close()
    throw error
  }
  return {
    stop: async () => {
      isStopped = true
      clearTimeout(timer)
      await working
      await connected.close()
    },
  }
}

/** Takes every device of this fleet out of Home Assistant; returns their ids. */
export const removeAnnounced = async (fleet: Fleet, prefix: string): Promise<string[]> => {
  const removed: string[] = []
  for (const [topic, payload] of await fleet.read([`${prefix}/device/+/config`])) {
    const found = readDiscovery(prefix, fleet.topics, topic, payload)
    if (found === undefined) continue
    await fleet.publish(topic, Buffer.alloc(0), { retain: true })
    removed.push(found.device)
  }
  return removed.sort()
}

/** They become part of topics: only what is one level of them, and no end of it. */
const sitesOf = ({ via = [] }: Status): string[] =>
  via.filter((site) => siteSchema.safeParse(site).success).slice(0, mostSites)

const sorted = (names: Iterable<string>): string[] => [...names].sort()
