/**
 * The newest value of each metric that a device told. Telemetry holds only what moved, comes twice, and comes late after an
 * outage: each value goes by its own message, never by when it came.
 */
import type { z } from 'zod'
import { isNewer, type Said } from '../protocol/is-newer.ts'
import type { telemetrySchema } from '../protocol/telemetry.ts'
import { canBeLabel, labelsText, type Series } from './family.ts'
import { appFamilyOf, converted, type Found, hostFamilyOf } from './telemetry-families.ts'

type Telemetry = z.infer<typeof telemetrySchema>

/** The message that a value came with. */
export type Stamp = Said & {
  /** ms of a clock that never jumps, when it was taken */
  readonly takenMs: number
}

export type Sample = Series & { readonly stamp: Stamp }

/** Why a value was left out. */
export type LeftOut = 'unknown-metric' | 'unusable-name' | 'too-many-series' | 'old'

export type SamplesInput = {
  readonly device: string
  /** absent: of the host */
  readonly app?: string | undefined
  readonly telemetry: Telemetry
  readonly takenMs: number
  /** of all samples of the device */
  readonly mostSamples: number
  readonly onLeftOut: (reason: LeftOut) => void
}

const envelope: ReadonlySet<string> = new Set(['schema', 'class', 'epoch', 'seq', 'at', 'session'])

/** By app (`hostScope`: of the host), then by metric. */
export type Samples = Map<string, Map<string, Sample>>

/** No app has such a name. */
export const hostScope = ''

/** Puts those values into `samples` that are newer than what is there. */
export const takeSamples = (samples: Samples, input: SamplesInput): void => {
  const { device, app, telemetry, takenMs, onLeftOut } = input
  const ofScope = samples.get(app ?? hostScope) ?? new Map<string, Sample>()
  let room = input.mostSamples - countOf(samples)
  const { epoch, seq, at } = telemetry
  const stamp: Stamp = { epoch, seq, at, takenMs }
  for (const [metric, value] of Object.entries(telemetry)) {
    if (envelope.has(metric) || typeof value !== 'number') continue
    const before = ofScope.get(metric)
    if (before !== undefined && !isNewer(stamp, before.stamp)) {
      onLeftOut('old')
      continue
    }
    const found = app === undefined ? hostFamilyOf(metric) : appFamilyOf(metric)
    const refusal = before === undefined ? refusalOf(found, room) : undefined
    if (found === undefined || refusal !== undefined) {
      onLeftOut(refusal ?? 'unknown-metric')
      continue
    }
    const { family, instance } = found
    if (family.isReported) continue
    if (before === undefined) room -= 1
    ofScope.set(metric, {
      family,
      labels: before?.labels ?? labelsOf(device, app, family.label, instance),
      value: converted(value, family.conversion, at),
      stamp,
    })
  }
  // A device may make up apps without end.
  if (ofScope.size > 0) samples.set(app ?? hostScope, ofScope)
}

export const countOf = (samples: Samples): number => {
  let count = 0
  for (const ofScope of samples.values()) count += ofScope.size
  return count
}

const refusalOf = (found: Found | undefined, room: number): LeftOut | undefined => {
  if (found === undefined) return 'unknown-metric'
  if (!canBeLabel(found.instance)) return 'unusable-name'
  return room <= 0 ? 'too-many-series' : undefined
}

const labelsOf = (device: string, app: string | undefined, label: string | undefined, instance: string): string =>
  labelsText({
    device_id: device,
    ...(app === undefined ? {} : { app }),
    ...(label === undefined ? {} : { [label]: instance }),
  })
