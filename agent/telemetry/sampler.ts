/** Reads the machine and the containers again and again; what is done with a sample is no business of it. */
import type { Logger } from 'pino'
import { reasonOf } from '../../src/protocol/reason.ts'
import { type HostReading, hostMetricsOf, type Metrics } from './host-sample.ts'
import type { ContainerReader } from './read-containers.ts'
import type { RunningContainers } from './running-containers.ts'
import { type ServiceCounts, sampleServices } from './service-sample.ts'

export type Sample = {
  readonly host: Metrics
  /** by app, then by service: those that run */
  readonly apps: ReadonlyMap<string, ReadonlyMap<string, Metrics>>
}

export type SamplerInput = {
  readonly readHost: () => Promise<HostReading>
  readonly readContainers: ContainerReader
  readonly containers: Pick<RunningContainers, 'current'>
  /** ms until the next one, asked after each */
  readonly everyMs: () => number
  readonly onSample: (sample: Sample) => Promise<void>
  /** ms of a clock that never jumps */
  readonly monotonicMs: () => number
  readonly log: Logger
}

export type Sampler = {
  readonly start: () => void
  /** How often is looked may have changed. */
  readonly hurry: () => void
  readonly stop: () => void
}

export const createSampler = (input: SamplerInput): Sampler => {
  const { readHost, readContainers, containers, everyMs, onSample, monotonicMs, log } = input
  let before: { readonly host: HostReading; readonly counts: ServiceCounts | undefined } | undefined
  let timer: NodeJS.Timeout | undefined
  let isSampling = false
  let isStopped = false

  const sample = async (): Promise<void> => {
    const [host, running] = await Promise.all([readHost(), containers.current()])
    // Before the engine answered once, what containers have used by now is not known to be new.
    const services = running && sampleServices(readContainers(running), before?.counts, monotonicMs())
    const metrics = hostMetricsOf(host, before?.host)
    const isFirst = before === undefined
    before = { host, counts: services?.counts }
    // The load of processors is known from two readings.
    if (!isFirst) await onSample({ host: metrics, apps: services?.apps ?? new Map() })
  }

  const tick = (): void => {
    if (isSampling || isStopped) return
    clearTimeout(timer)
    isSampling = true
    sample()
      .catch((error: unknown) => log.warn({ ...reasonOf(error) }, 'the machine could not be sampled'))
      .finally(() => {
        isSampling = false
        if (isStopped) return
        timer = setTimeout(tick, everyMs())
        timer.unref()
      })
  }

  return {
    start: tick,
    hurry: tick,
    stop: () => {
      isStopped = true
      clearTimeout(timer)
    },
  }
}
