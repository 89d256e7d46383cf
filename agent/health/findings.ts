/** What is wrong with a device right now, by what is known of it. Pure. */
import type { Code } from '../../src/protocol/codes.ts'
import type { HealthSeverity } from '../../src/protocol/health.ts'
import type { Metrics } from '../telemetry/host-sample.ts'

export type HealthFacts = {
  readonly isConnected: boolean
  readonly isEngineThere: boolean
  /** the own clock is behind what is known to have passed */
  readonly isClockBehind: boolean
  /** of the newest sample; empty before the first */
  readonly host: Metrics
  readonly apps: readonly AppFacts[]
  /** messages that the outbox dropped since the look before */
  readonly dropped: number
}

export type AppFacts = {
  readonly app: string
  /** services that end again and again */
  readonly crashing: readonly string[]
  /** services whose hardware is away */
  readonly withoutDevices: readonly string[]
}

export type HealthLimits = {
  readonly diskFreePercent: number
  readonly memoryFreePercent: number
  readonly temperatureCelsius: number
}

export type Finding = {
  /** the code, and what it is about where there may be several: `disk-full /var` */
  readonly key: string
  readonly severity: HealthSeverity
  readonly code: Code
  readonly message: string
}

/** The findings that stand, by key: a value must go back by more than it came to end one. */
export type Standing = ReadonlyMap<string, HealthSeverity>

export const findingsOf = (facts: HealthFacts, limits: HealthLimits, standing: Standing): readonly Finding[] => [
  ...(facts.isConnected ? [] : [finding('broker-unreachable', 'degraded', 'the broker is not in reach')]),
  ...(facts.isEngineThere ? [] : [finding('engine-unreachable', 'failing', 'the container engine does not answer')]),
  ...(facts.isClockBehind
    ? [finding('clock-wrong', 'degraded', 'the clock is behind what is known to have passed')]
    : []),
  ...diskFindings(facts.host, limits, standing),
  ...memoryFindings(facts.host, limits, standing),
  ...temperatureFindings(facts.host, limits, standing),
  ...(facts.host.isThrottled === 1
    ? [finding('throttled', 'degraded', 'the machine runs slower, for its supply or its heat')]
    : []),
  ...facts.apps.flatMap(({ app, crashing, withoutDevices }) => [
    ...crashing.map((service) =>
      finding('crash-loop', 'degraded', `service ${service} of app ${app} ends again and again`, `${app}/${service}`),
    ),
    ...withoutDevices.map((service) =>
      finding(
        'device-missing',
        'degraded',
        `hardware of service ${service} of app ${app} is away`,
        `${app}/${service}`,
      ),
    ),
  ]),
  ...(facts.dropped > 0
    ? [finding('messages-dropped', 'degraded', 'the outbox is full, and drops messages of the least importance')]
    : []),
]

const finding = (code: Code, severity: HealthSeverity, message: string, about?: string): Finding => ({
  key: about === undefined ? code : `${code} ${about}`,
  severity,
  code,
  message,
})

/** Beyond this part of what is allowed it is not much longer. */
const failingShare = 1 / 3

/** What has been found to be short is found so until there is that much more. */
const recoveryShare = 1.2

const shortage = (key: string, percent: number, limit: number, standing: Standing): HealthSeverity | undefined => {
  const before = standing.get(key)
  const failingBelow = limit * failingShare * (before === 'failing' ? recoveryShare : 1)
  const degradedBelow = limit * (before === undefined ? 1 : recoveryShare)
  return percent < failingBelow ? 'failing' : percent < degradedBelow ? 'degraded' : undefined
}

const diskFindings = (host: Metrics, { diskFreePercent }: HealthLimits, standing: Standing): Finding[] =>
  Object.entries(host).flatMap(([name, free]) => {
    const [, mount] = /^disk\.(.*)\.freeBytes$/.exec(name) ?? []
    if (mount === undefined) return []
    const used = host[`disk.${mount}.usedBytes`] ?? 0
    const size = free + used
    const key = `disk-full ${mount}`
    const freePercent = (free / size) * 100
    const severity = size > 0 ? shortage(key, freePercent, diskFreePercent, standing) : undefined
    if (severity !== undefined)
      return [finding('disk-full', severity, `${freePercent.toFixed(1)} % of the disk at ${mount} are free`, mount)]
    // Some file systems have no number of files that they could hold.
    const files = host[`disk.${mount}.inodes`] ?? 0
    const freeFiles = ((host[`disk.${mount}.freeInodes`] ?? 0) / files) * 100
    const severityOfFiles = files > 0 ? shortage(key, freeFiles, diskFreePercent, standing) : undefined
    if (severityOfFiles === undefined) return []
    return [
      finding(
        'disk-full',
        severityOfFiles,
        `${freeFiles.toFixed(1)} % of the files that ${mount} can hold are free`,
        mount,
      ),
    ]
  })

const memoryFindings = (host: Metrics, { memoryFreePercent }: HealthLimits, standing: Standing): Finding[] => {
  const { memoryAvailableBytes: available = 0, memoryUsedBytes: used = 0 } = host
  if (available + used === 0) return []
  const percent = (available / (available + used)) * 100
  const severity = shortage('memory-short', percent, memoryFreePercent, standing)
  return severity === undefined
    ? []
    : [finding('memory-short', severity, `${percent.toFixed(1)} % of the memory can be had`)]
}

const failingAboveCelsius = 10
const recoveryCelsius = 5

const temperatureFindings = (host: Metrics, { temperatureCelsius }: HealthLimits, standing: Standing): Finding[] =>
  Object.entries(host).flatMap(([name, celsius]) => {
    const [, sensor] = /^temperature\.(.*)\.celsius$/.exec(name) ?? []
    if (sensor === undefined) return []
    const before = standing.get(`too-hot ${sensor}`)
    const failingAt = temperatureCelsius + failingAboveCelsius - (before === 'failing' ? recoveryCelsius : 0)
    const degradedAt = temperatureCelsius - (before === undefined ? 0 : recoveryCelsius)
    const severity = celsius >= failingAt ? 'failing' : celsius >= degradedAt ? 'degraded' : undefined
    return severity === undefined ? [] : [finding('too-hot', severity, `${celsius} °C at ${sensor}`, sensor)]
  })
