/**
 * What is known of every device, from what it retains and tells: the newest of each, within bounds, and nothing of what was
 * forgotten. Time is an argument; nothing here throws, whatever devices say.
 */
import type { z } from 'zod'
import { defined } from '../defined.ts'
import { inventorySchema } from '../protocol/inventory.ts'
import { isNewer } from '../protocol/is-newer.ts'
import { readPayload } from '../protocol/payload.ts'
import { reportedSchema } from '../protocol/reported.ts'
import { type Status, statusSchema } from '../protocol/status.ts'
import { telemetrySchema } from '../protocol/telemetry.ts'
import type { ParsedTopic } from '../protocol/topics.ts'
import { type Bridges, createBridges, seriesOfUnknown } from './bridges.ts'
import { lastMessage, lastTelemetry, seriesOfInventory, seriesOfReported, seriesOfStatus } from './device-families.ts'
import { labelsText, type Series } from './family.ts'
import { countOf, type LeftOut, type Sample, type Samples, type Stamp, takeSamples } from './samples.ts'

export type Now = {
  /** of the own clock */
  readonly epochMs: number
  /** of a clock that never jumps */
  readonly monotonicMs: number
}

export type ViewInput = {
  /** what was not told for so long is no longer shown, nor what a device retains that is offline or unknown for so long */
  readonly staleMs: number
  readonly mostDevices?: number
  readonly mostSamplesPerDevice?: number
  readonly mostReportedPerDevice?: number
}

export type Refusal = LeftOut | 'too-many-devices' | 'invalid-message'

export type FleetView = {
  /** @param isLive it came just now, and was not retained before */
  readonly take: (topic: ParsedTopic, payload: Buffer, isLive: boolean, now: Now) => void
  /** Of the bridge of a site, likewise. */
  readonly takeBridge: (site: string, payload: Buffer, now: Now) => void
  /** The link was lost: what is retained will come again. */
  readonly beginRound: () => void
  /** All of it has come: what did not is retained no more. */
  readonly endRound: () => void
  readonly series: (now: Now) => Iterable<Series>
  /** Forgets what is not shown any more. */
  readonly sweep: (now: Now) => void
  readonly counts: () => Counts
}

export type Counts = {
  readonly devices: number
  readonly samples: number
  readonly leftOut: ReadonlyMap<Refusal, number>
}

type Retained = { readonly series: readonly Series[]; readonly round: number }

type Device = {
  status?: Retained & Pick<Status, 'via'>
  inventory?: Retained
  readonly apps: Map<string, Retained>
  readonly samples: Samples
  /** of the newest telemetry */
  newest?: Stamp
  /** of its connections, the newest that was told of */
  session?: number
  /** epoch ms by the clock of the device, when it said something that had not waited in its outbox */
  clockAt?: number
  /** epoch ms by the own clock */
  heardAt?: number
  /** of the clock that never jumps */
  heardMs: number
  offlineSinceMs?: number | undefined
}

/** Far more than a site has, and no end of memory. */
const defaultMostDevices = 20_000
const defaultMostSamples = 2_000
const defaultMostReported = 2_000

export const createFleetView = (input: ViewInput): FleetView => {
  const {
    staleMs,
    mostDevices = defaultMostDevices,
    mostSamplesPerDevice = defaultMostSamples,
    mostReportedPerDevice = defaultMostReported,
  } = input
  const devices = new Map<string, Device>()
  const bridges: Bridges = createBridges()
  const leftOut = new Map<Refusal, number>()
  let round = 0

  const refuse = (reason: Refusal): void => void leftOut.set(reason, (leftOut.get(reason) ?? 0) + 1)

  const read = <T>(schema: z.ZodType<T>, payload: Buffer): T | undefined => {
    const result = readPayload(schema, payload, maxBytes)
    if (result.ok) return result.value
    refuse('invalid-message')
    return undefined
  }

  const deviceOf = (id: string, now: Now): Device | undefined => {
    const known = devices.get(id)
    if (known !== undefined) return known
    if (devices.size >= mostDevices) {
      refuse('too-many-devices')
      return undefined
    }
    const device: Device = { apps: new Map(), samples: new Map(), heardMs: now.monotonicMs }
    devices.set(id, device)
    return device
  }

  const takeStatus = (id: string, device: Device, payload: Buffer, now: Now): void => {
    const status = read(statusSchema, payload)
    if (status === undefined) return
    device.status = { series: seriesOfStatus(id, status), round, ...defined({ via: status.via }) }
    device.offlineSinceMs = status.online ? undefined : (device.offlineSinceMs ?? now.monotonicMs)
    // A will was written when the connection was made.
    if (!status.online) return
    device.session = status.session
    noteClock(device, status.at, now)
  }

  const takeInventory = (id: string, device: Device, payload: Buffer, now: Now): void => {
    const inventory = read(inventorySchema, payload)
    if (inventory === undefined) return
    device.inventory = { series: seriesOfInventory(id, inventory), round }
    noteClock(device, inventory.at, now)
  }

  const takeReported = (id: string, app: string, device: Device, payload: Buffer, now: Now): void => {
    const reported = read(reportedSchema, payload)
    if (reported === undefined) return
    noteClock(device, reported.at, now)
    device.apps.delete(app)
    let room = mostReportedPerDevice
    for (const { series } of device.apps.values()) room -= series.length
    const series = seriesOfReported(id, app, reported)
    for (let cut = room; cut < series.length; cut += 1) refuse('too-many-series')
    if (room > 0 && series.length > 0) device.apps.set(app, { series: series.slice(0, room), round })
    // What was taken out of the app is not told any more; of a shortened report nobody knows.
    if (reported.shortened) return
    const ofApp = device.samples.get(app)
    for (const metric of ofApp?.keys() ?? [])
      if (!Object.hasOwn(reported.services, metric.slice(0, metric.lastIndexOf('.')))) ofApp?.delete(metric)
  }

  const takeTelemetry = (id: string, app: string | undefined, device: Device, payload: Buffer, now: Now): void => {
    const telemetry = read(telemetrySchema, payload)
    if (telemetry === undefined) return
    const stamp = { ...telemetry, takenMs: now.monotonicMs }
    // What waited in the outbox of a device is no value of now: it was read before this connection, long ago by its own clock.
    const { clockAt = 0, session } = device
    if (telemetry.session !== session && clockAt - telemetry.at > staleMs) {
      refuse('old')
      return
    }
    if (device.newest === undefined || isNewer(stamp, device.newest)) {
      const { epoch, seq, at, takenMs } = stamp
      device.newest = { epoch, seq, at, takenMs }
    }
    takeSamples(device.samples, {
      device: id,
      app,
      telemetry,
      takenMs: now.monotonicMs,
      mostSamples: mostSamplesPerDevice,
      onLeftOut: refuse,
    })
  }

  return {
    take: (topic, payload, isLive, now) => {
      const { device: id, kind } = topic
      if (payload.byteLength === 0) {
        if (kind === 'status') devices.delete(id)
        else if (kind === 'inventory') delete devices.get(id)?.inventory
        else if (kind === 'reported') forgetApp(devices.get(id), topic.app)
        return
      }
      const device = deviceOf(id, now)
      if (device === undefined) return
      device.heardMs = now.monotonicMs
      if (isLive) device.heardAt = now.epochMs
      if (kind === 'status') takeStatus(id, device, payload, now)
      else if (kind === 'inventory') takeInventory(id, device, payload, now)
      else if (kind === 'reported') takeReported(id, topic.app, device, payload, now)
      else if (kind === 'telemetry') takeTelemetry(id, topic.app, device, payload, now)
    },

    takeBridge: (site, payload, now) => {
      if (!bridges.take(site, payload, round, now.monotonicMs)) refuse('invalid-message')
    },

    beginRound: () => {
      round += 1
    },

    endRound: () => {
      bridges.endRound(round)
      for (const [id, device] of devices) {
        if (device.status !== undefined && device.status.round < round) devices.delete(id)
        if (device.inventory !== undefined && device.inventory.round < round) delete device.inventory
        for (const [app, retained] of device.apps) if (retained.round < round) forgetApp(device, app)
      }
    },

    series: function* (now) {
      yield* bridges.series()
      for (const [id, device] of devices) {
        // A device is what has a status; anything else may be left of one that was forgotten.
        if (device.status === undefined) continue
        const silence = bridges.silenceOf(device.status)
        if (silence === undefined) yield* device.status.series
        else yield seriesOfUnknown(id, silence)
        if (device.inventory !== undefined) yield* device.inventory.series
        yield* timesOf(id, device)
        if (isLong(device.offlineSinceMs, now, staleMs) || isLong(silence?.sinceMs, now, staleMs)) continue
        for (const { series } of device.apps.values()) yield* series
        for (const ofScope of device.samples.values())
          for (const sample of ofScope.values()) if (!isStale(sample, now, staleMs)) yield sample
      }
    },

    sweep: (now) => {
      for (const [id, device] of devices) {
        for (const [scope, ofScope] of device.samples) {
          for (const [metric, sample] of ofScope) if (isStale(sample, now, staleMs)) ofScope.delete(metric)
          if (ofScope.size === 0) device.samples.delete(scope)
        }
        if (device.status === undefined && now.monotonicMs - device.heardMs > staleMs) devices.delete(id)
      }
    },

    counts: () => {
      let samples = 0
      for (const device of devices.values()) samples += countOf(device.samples)
      return { devices: devices.size, samples, leftOut }
    },
  }
}

/** As for other readers of what a broker retains: the cap of a device is not the reader's. */
const maxBytes = 16 * 1024 * 1024

const noteClock = (device: Device, at: number, now: Now): void => {
  device.clockAt = at
  // Until it says something anew, what it said last is when it was heard; a clock ahead of ours does not make it the future.
  device.heardAt ??= Math.min(at, now.epochMs)
}

const forgetApp = (device: Device | undefined, app: string): void => {
  device?.apps.delete(app)
  device?.samples.delete(app)
}

const isStale = ({ stamp }: Sample, now: Now, staleMs: number): boolean => now.monotonicMs - stamp.takenMs > staleMs

const isLong = (sinceMs: number | undefined, now: Now, staleMs: number): boolean =>
  sinceMs !== undefined && now.monotonicMs - sinceMs > staleMs

const timesOf = (id: string, { heardAt, newest }: Device): Series[] => {
  const labels = labelsText({ device_id: id })
  return [
    ...(heardAt === undefined ? [] : [{ family: lastMessage, labels, value: heardAt / 1_000 }]),
    ...(newest === undefined ? [] : [{ family: lastTelemetry, labels, value: newest.at / 1_000 }]),
  ]
}
