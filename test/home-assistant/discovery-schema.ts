/**
 * What Home Assistant documents for device discovery over MQTT, as far as we use it: the pages "MQTT", "MQTT sensor", "MQTT
 * binary sensor" and "MQTT update". Strict, so that a key which it does not know is a fault.
 */
import { z } from 'zod'

/** <prefix>/device/<object id>/config */
export const documentedTopic = /^[^+#]+\/device\/[a-zA-Z0-9_-]+\/config$/

const topic = z.string().regex(/^[^+#\0]+$/)
const template = z.string().regex(/\{[{%].*[%}]\}/)

/** Of every entity that a device has: `unique_id` is required there. */
const entity = {
  unique_id: z.string().min(1),
  name: z.string().min(1),
  state_topic: topic,
  value_template: template,
  json_attributes_topic: topic.optional(),
  json_attributes_template: template.optional(),
  entity_category: z.enum(['diagnostic']).optional(),
}

const units: Readonly<Record<string, readonly string[]>> = {
  temperature: ['°C', '°F', 'K'],
  data_size: ['bit', 'kbit', 'B', 'kB', 'MB', 'GB', 'TB', 'KiB', 'MiB', 'GiB', 'TiB'],
}

const sensor = z
  .strictObject({
    platform: z.literal('sensor'),
    ...entity,
    device_class: z.enum(['temperature', 'data_size', 'enum']).optional(),
    state_class: z.enum(['measurement', 'total', 'total_increasing']).optional(),
    unit_of_measurement: z.string().optional(),
    suggested_display_precision: z.int().nonnegative().optional(),
    options: z.array(z.string()).min(1).optional(),
  })
  .refine(({ device_class: kind, unit_of_measurement: unit }) =>
    kind === undefined || units[kind] === undefined ? true : units[kind].includes(unit ?? ''),
  )
  .refine(({ device_class: kind, options, state_class: state, unit_of_measurement: unit }) =>
    kind === 'enum' ? options !== undefined && state === undefined && unit === undefined : options === undefined,
  )
  // Only where a number is expected an empty value leaves the state as it is.
  .refine(
    ({ value_template: text, state_class: state, unit_of_measurement: unit }) =>
      !text.includes("default('')") || state !== undefined || unit !== undefined,
  )

const binarySensor = z.strictObject({
  platform: z.literal('binary_sensor'),
  ...entity,
  device_class: z.enum(['problem']).optional(),
})

const update = z.strictObject({
  platform: z.literal('update'),
  ...entity,
  title: z.string().optional(),
  latest_version_topic: topic.optional(),
  latest_version_template: template.optional(),
})

/** The platform alone: it is to be removed. */
const removed = z.strictObject({ platform: z.enum(['sensor', 'binary_sensor', 'update']) })

export const documentedDiscovery = z.strictObject({
  device: z.strictObject({
    identifiers: z.array(z.string()).min(1),
    name: z.string().optional(),
    model: z.string().optional(),
    hw_version: z.string().optional(),
    sw_version: z.string().optional(),
  }),
  origin: z.strictObject({ name: z.string(), sw_version: z.string().optional() }),
  availability: z.array(z.strictObject({ topic, value_template: template })).min(1),
  availability_mode: z.enum(['all', 'any', 'latest']),
  qos: z.literal([0, 1, 2]),
  components: z
    .record(z.string().regex(/^[a-zA-Z0-9_-]+$/), z.union([sensor, binarySensor, update, removed]))
    .refine((components) => {
      const ids = Object.values(components).flatMap((one) => ('unique_id' in one ? [one.unique_id] : []))
      return new Set(ids).size === ids.length
    }),
})
