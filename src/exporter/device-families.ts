/** The series of what devices retain: their status, their inventory, the reports of their apps. Pure. */
import { codeNames } from '../protocol/codes.ts'
import { healthVerdicts } from '../protocol/health.ts'
import type { Inventory } from '../protocol/inventory.ts'
import type { Reported } from '../protocol/reported.ts'
import type { Status } from '../protocol/status.ts'
import { canBeLabel, type Family, labelsText, type Series, shortened } from './family.ts'
import { serviceHealthy, serviceRestarts } from './telemetry-families.ts'

const gauge = (name: string, help: string): Family => ({ name, type: 'gauge', help })

export const bridgeUp = gauge('longshore_bridge_up', '1: the bridge of the site is connected.')
export const deviceUp = gauge('longshore_device_up', '1: the device is online, by its status; absent: nobody knows.')
export const deviceUnknown = gauge(
  'longshore_device_unknown',
  '1: nobody knows how the device is, for the bridge of this site is away.',
)
export const lastMessage = gauge(
  'longshore_device_last_message_timestamp_seconds',
  'When something came of the device, in Unix time.',
)
export const lastTelemetry = gauge(
  'longshore_device_telemetry_timestamp_seconds',
  'When its newest telemetry was read, in Unix time by the clock of the device.',
)
const deviceHealth = gauge('longshore_device_health', '1: the own verdict of the device is this one.')
const healthReasons = gauge('longshore_device_health_reasons', 'What the device finds wrong with itself, by code.')
const deviceInfo = gauge('longshore_device_info', 'What the device is.')
const memoryTotal = gauge('node_memory_MemTotal_bytes', 'Memory of the machine.')
const cpuCount = gauge('machine_cpu_cores', 'Processors of the machine.')
const appInfo = gauge('longshore_app_info', 'Which release of an app runs: the first digits of its digest.')
const appPhase = gauge('longshore_app_phase', '1: the app is in this phase.')
const serviceUp = gauge('longshore_service_up', '1: the service runs, or is a job that is done.')

/** All of them, in the order in which they are written. */
export const deviceFamilies: readonly Family[] = [
  ...[
    bridgeUp,
    deviceUp,
    deviceUnknown,
    deviceInfo,
    deviceHealth,
    healthReasons,
    lastMessage,
    lastTelemetry,
    memoryTotal,
    cpuCount,
  ],
  ...[appInfo, appPhase, serviceUp],
]

export const seriesOfStatus = (device: string, { online, health }: Status): Series[] => [
  { family: deviceUp, labels: labelsText({ device_id: device }), value: Number(online) },
  ...(health === undefined ? [] : healthVerdicts).map((verdict) => ({
    family: deviceHealth,
    labels: labelsText({ device_id: device, verdict }),
    value: Number(health?.verdict === verdict),
  })),
  ...[...countsBy(health?.reasons ?? [], ({ severity, code }) => `${severity} ${knownCode(code)}`)].map(
    ([key, value]) => {
      const [severity = '', code = ''] = key.split(' ')
      return { family: healthReasons, labels: labelsText({ device_id: device, code, severity }), value }
    },
  ),
]

/** A device may say any code; series that nobody knows beforehand would have no end. */
const knownCode = (code: string): string => ((codeNames as readonly string[]).includes(code) ? code : 'other')

const countsBy = <T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1)
  return counts
}

export const seriesOfInventory = (device: string, inventory: Inventory): Series[] => {
  const labels = labelsText({ device_id: device })
  const { hostname, os, arch, model = '', engine, agent } = inventory
  return [
    {
      family: deviceInfo,
      labels: labelsText({
        device_id: device,
        agent: shortened(agent.version),
        hostname: shortened(hostname),
        model: shortened(model),
        os: shortened(`${os.name} ${os.version}`.trim()),
        kernel: shortened(os.kernel),
        arch: shortened(arch),
        engine: shortened(engine === null ? '' : `${engine.name} ${engine.version}`.trim()),
      }),
      value: 1,
    },
    { family: memoryTotal, labels, value: inventory.memoryBytes },
    { family: cpuCount, labels, value: inventory.cpuCount },
  ]
}

/** Services whose names cannot be written are left out. */
export const seriesOfReported = (device: string, app: string, reported: Reported): Series[] => {
  const { running, phase, services } = reported
  if (phase === 'removed') return []
  return [
    {
      family: appInfo,
      labels: labelsText({
        device_id: device,
        app,
        release: running?.release.replace('sha256:', '').slice(0, 12) ?? '',
        generation: String(running?.generation ?? ''),
      }),
      value: 1,
    },
    ...(phase === null ? [] : [{ family: appPhase, labels: labelsText({ device_id: device, app, phase }), value: 1 }]),
    ...Object.entries(services)
      .filter(([service]) => canBeLabel(service))
      .flatMap(([service, { state, health, restarts }]) => {
        const labels = labelsText({ device_id: device, app, service })
        return [
          { family: serviceUp, labels, value: Number(state === 'running' || state === 'completed') },
          { family: serviceRestarts, labels, value: restarts },
          ...(health === 'healthy' || health === 'unhealthy'
            ? [{ family: serviceHealthy, labels, value: Number(health === 'healthy') }]
            : []),
        ]
      }),
  ]
}
