/** Samples the machine every few seconds and tells what is worth it. */
import type { Logger } from 'pino'
import type { Outbox } from '../../src/outbox/outbox.ts'
import { reasonOf } from '../../src/protocol/reason.ts'
import { type Profile, type Told, worthTelling } from './dead-band.ts'
import { type HostReading, hostMetricsOf } from './host-sample.ts'
import { sampleEveryMs } from './profiles.ts'

export type TelemetryInput = {
  readonly read: () => Promise<HostReading>
  readonly outbox: Pick<Outbox, 'append'>
  readonly topic: string
  readonly profile: Profile
  readonly session: () => number
  /** ms of a clock that never jumps */
  readonly monotonicMs: () => number
  readonly log: Logger
}

export type Telemetry = { readonly start: () => void; readonly stop: () => void }

export const createTelemetry = ({
  read,
  outbox,
  topic,
  profile,
  session,
  monotonicMs,
  log,
}: TelemetryInput): Telemetry => {
  let before: HostReading | undefined
  let told: Told | undefined
  let timer: NodeJS.Timeout | undefined
  let isSampling = false

  const sample = async (): Promise<void> => {
    const reading = await read()
    const isFirst = before === undefined
    const metrics = hostMetricsOf(reading, before)
    before = reading
    // The load of the processors is known from two readings.
    if (isFirst) return
    const worth = worthTelling(metrics, told, profile, monotonicMs())
    told = worth.told
    if (worth.tell !== undefined)
      await outbox.append('telemetry', { topic, body: { schema: 1, session: session(), ...worth.tell } })
  }

  const tick = (): void => {
    if (isSampling) return
    isSampling = true
    sample()
      .catch((error: unknown) => log.warn({ ...reasonOf(error) }, 'the machine could not be sampled'))
      .finally(() => {
        isSampling = false
      })
  }

  return {
    start: () => {
      tick()
      timer = setInterval(tick, sampleEveryMs)
      timer.unref()
    },
    stop: () => clearInterval(timer),
  }
}
