/** The entities of a device in Home Assistant, each reading a topic that the device has anyway. Pure. */
import { createHash } from 'node:crypto'
import { phases } from '../protocol/reported.ts'
import type { Topics } from '../protocol/topics.ts'

export type Component = { readonly platform: string; readonly [key: string]: unknown }

export type Components = Readonly<Record<string, Component>>

/** Ids of those that are known only once the device has told of them begin so. */
export const learnedPrefix = 'metric_'

const percent = { unit_of_measurement: '%', state_class: 'measurement', suggested_display_precision: 0 }
const celsius = { device_class: 'temperature', unit_of_measurement: '°C', state_class: 'measurement' }
const bytes = { device_class: 'data_size', unit_of_measurement: 'B', state_class: 'measurement' }

/** By metric of the host; `*` is part of the name. */
const sensors: Readonly<Record<string, { readonly name: string; readonly [key: string]: unknown }>> = {
  cpuPercent: { name: 'Processor use', ...percent },
  load1: { name: 'Load', state_class: 'measurement' },
  memoryAvailableBytes: { name: 'Memory available', ...bytes },
  agentResidentBytes: { name: 'Memory of the agent', ...bytes, entity_category: 'diagnostic' },
  'disk.*.freeBytes': { name: 'Free on *', ...bytes },
  'temperature.*.celsius': { name: 'Temperature *', ...celsius },
  'gpu.*.usePercent': { name: 'GPU use *', ...percent },
  'gpu.*.celsius': { name: 'GPU temperature *', ...celsius },
  'flash.*.wearPercent': { name: 'Flash wear *', ...percent, entity_category: 'diagnostic' },
}

/** What every device tells. */
const everywhere = Object.keys(sensors).filter((metric) => !metric.includes('*'))

/**
 * A name of a metric stands in a template that Home Assistant runs, and comes from a device: nothing gets in that could end a
 * string in it.
 */
const safeMetric = /^[A-Za-z0-9 ._/:@+-]{1,120}$/

/** Whether it has an entity, beside those that every device has. */
export const isLearned = (metric: string): boolean => metric.includes('.') && sensorOf(metric) !== undefined

const sensorOf = (metric: string) => {
  if (!safeMetric.test(metric)) return undefined
  const [, first, instance = '', last] = /^([^.]+)\.(.+)\.([^.]+)$/.exec(metric) ?? []
  const key = first === undefined ? metric : `${first}.*.${last}`
  const sensor = Object.hasOwn(sensors, key) ? sensors[key] : undefined
  return sensor && { ...sensor, name: sensor.name.replace('*', () => instance) }
}

export type ComponentsInput = {
  readonly topics: Topics
  readonly device: string
  readonly apps: Iterable<string>
  /** those for which `isLearned` holds */
  readonly metrics: Iterable<string>
}

export const componentsOf = ({ topics, device, apps, metrics }: ComponentsInput): Components => {
  const components: Record<string, Component> = {}
  const add = (id: string, component: Component): void => {
    components[id] = { ...component, unique_id: `longshore_${device}_${id}` }
  }
  add('problem', {
    platform: 'binary_sensor',
    name: 'Problem',
    device_class: 'problem',
    state_topic: topics.status(device),
    // A will has no verdict: nothing then, which leaves the state as it is.
    value_template:
      "{% if value_json.health is defined %}{{ 'OFF' if value_json.health.verdict == 'ok' else 'ON' }}{% endif %}",
    json_attributes_topic: topics.status(device),
    json_attributes_template: '{{ value_json.health | default({}) | tojson }}',
  })
  for (const metric of [...everywhere, ...metrics]) {
    const sensor = sensorOf(metric)
    if (sensor === undefined) continue
    add(metric.includes('.') ? `${learnedPrefix}${idOf(metric)}` : metric, {
      platform: 'sensor',
      ...sensor,
      state_topic: topics.telemetryOfHost(device),
      // A message has only what moved. Of a sensor of numbers an empty value leaves the state as it is.
      value_template: `{{ value_json['${metric}'] | default('') }}`,
    })
  }
  for (const app of apps) {
    add(`app_${app}`, {
      platform: 'update',
      name: app,
      title: app,
      state_topic: topics.reported(device, app),
      // With its prefix a release is no number that could be less than another.
      value_template: `{% if value_json.running %}{{ {'installed_version': value_json.running.release[:19]} | tojson }}{% endif %}`,
      latest_version_topic: topics.desired(device, app),
      latest_version_template:
        '{% if value_json is defined and value_json.release is defined %}{{ value_json.release[:19] }}{% endif %}',
    })
    add(`phase_${app}`, {
      platform: 'sensor',
      name: `${app} phase`,
      device_class: 'enum',
      options: [...phases],
      state_topic: topics.reported(device, app),
      value_template: '{{ value_json.phase }}',
    })
  }
  return components
}

/** Letters, digits and _ only; what these cannot tell apart, the digest does. */
const idOf = (metric: string): string =>
  `${metric.replace(/[^A-Za-z0-9]+/g, '_')}_${createHash('sha256').update(metric).digest('hex').slice(0, 6)}`
