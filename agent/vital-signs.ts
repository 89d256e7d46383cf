/** How the device is: sampled, told as telemetry, and judged as its health. */
import type { Logger } from 'pino'
import type { Outbox } from '../src/outbox/outbox.ts'
import { messageClasses } from '../src/protocol/queued.ts'
import type { ServiceReport } from '../src/protocol/reported.ts'
import type { TelemetryProfile } from '../src/protocol/telemetry.ts'
import type { Topics } from '../src/protocol/topics.ts'
import type { Engine, EngineEvent } from './engine/engine.ts'
import type { Events } from './events/events.ts'
import { appFactsOf } from './health/app-facts.ts'
import type { HealthLimits } from './health/findings.ts'
import { createHealth, type HealthWatch } from './health/health.ts'
import type { ReportBody } from './reconcile/report.ts'
import type { HostReading, Metrics } from './telemetry/host-sample.ts'
import { profiles } from './telemetry/profiles.ts'
import type { ContainerReader } from './telemetry/read-containers.ts'
import { createRunningContainers } from './telemetry/running-containers.ts'
import { createSampler } from './telemetry/sampler.ts'
import { createTelemetry } from './telemetry/telemetry.ts'

export type VitalSignsInput = {
  readonly device: string
  readonly topics: Topics
  readonly engine: Engine
  /** absent: nothing is read of the machine, as of a simulated one */
  readonly read?: { readonly host: () => Promise<HostReading>; readonly containers: ContainerReader } | undefined
  readonly outbox: Pick<Outbox, 'append' | 'counts'>
  readonly profile: () => TelemetryProfile
  readonly limits: HealthLimits
  /** what was reported last of each app */
  readonly reports: () => Iterable<ReportBody>
  readonly isConnected: () => boolean
  readonly isClockBehind: () => boolean
  readonly session: () => number
  readonly events: Pick<Events, 'tell'>
  readonly onHealth: () => void
  readonly nowMs: () => number
  readonly monotonicMs: () => number
  readonly log: Logger
}

export type VitalSigns = {
  readonly start: () => void
  readonly stop: () => void
  /** The link came or went: health may be another. */
  readonly look: () => void
  readonly setEngine: (isThere: boolean) => void
  readonly isEngineThere: () => boolean
  readonly onEngineEvent: (event: EngineEvent) => void
  /** The profile is another one. */
  readonly hurry: () => void
  /** the metrics of the host in the newest sample; empty before the first */
  readonly host: () => Metrics
  readonly health: Omit<HealthWatch, 'look'>
}

export const createVitalSigns = (input: VitalSignsInput): VitalSigns => {
  const { device, topics, engine, read, outbox, profile, reports, isConnected, events, session, monotonicMs, log } =
    input
  let host: Metrics = {}
  let isEngineThere = false
  let droppedBefore = droppedOf(outbox)

  const health = createHealth({
    limits: input.limits,
    facts: () => {
      const dropped = droppedOf(outbox)
      const facts = {
        isConnected: isConnected(),
        isEngineThere: answers(),
        isClockBehind: input.isClockBehind(),
        host,
        apps: [...reports()].map(appFactsOf),
        dropped: dropped - droppedBefore,
      }
      droppedBefore = dropped
      return facts
    },
    onChange: (told) => {
      void events.tell({ kind: 'health-changed', health: told })
      input.onHealth()
    },
    nowMs: input.nowMs,
    monotonicMs,
    log,
  })
  const telemetry = createTelemetry({
    outbox,
    topics: { host: topics.telemetryOfHost(device), app: (app) => topics.telemetryOfApp(device, app) },
    profile,
    isConnected,
    reports: () => servicesOf(reports()),
    session,
    monotonicMs,
  })
  const containers = createRunningContainers({ engine, agent: device, monotonicMs })
  const answers = (): boolean => isEngineThere && !containers.isEngineHanging()
  const sampler =
    read &&
    createSampler({
      readHost: read.host,
      readContainers: read.containers,
      containers,
      everyMs: () => profiles[profile()].sampleEveryMs,
      onSample: async (sample) => {
        host = sample.host
        health.look()
        await telemetry.take(sample)
      },
      monotonicMs,
      log,
    })

  return {
    start: () => sampler?.start(),
    stop: () => sampler?.stop(),
    look: health.look,
    setEngine: (isThere) => {
      isEngineThere = isThere
      containers.forgetAll()
      health.look()
    },
    isEngineThere: answers,
    onEngineEvent: containers.onEngineEvent,
    hurry: () => sampler?.hurry(),
    host: () => host,
    health,
  }
}

const droppedOf = (outbox: Pick<Outbox, 'counts'>): number => {
  const { classes } = outbox.counts()
  return messageClasses
    .flatMap((messageClass) => Object.values(classes[messageClass].dropped))
    .reduce((sum, count) => sum + count, 0)
}

/** What is gone has no services to tell of. */
const servicesOf = function* (
  reports: Iterable<ReportBody>,
): Iterable<readonly [string, Readonly<Record<string, ServiceReport>>]> {
  for (const { app, phase, services } of reports) if (phase !== 'removed') yield [app, services]
}
