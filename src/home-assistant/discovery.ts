/** The one message that tells Home Assistant of a device and all of its entities. Pure. */
import { z } from 'zod'
import type { Inventory } from '../protocol/inventory.ts'
import type { Topics } from '../protocol/topics.ts'
import { version } from '../version.ts'
import { type Components, componentsOf, learnedPrefix } from './components.ts'

export type Announced = {
  readonly topics: Topics
  readonly device: string
  readonly inventory: Inventory | undefined
  /** the sites whose bridges it comes through */
  readonly via: readonly string[]
  readonly apps: Iterable<string>
  readonly metrics: Iterable<string>
  /** what is retained now */
  readonly before: Discovery | undefined
}

/** As much of it as is read back. */
const discoverySchema = z.looseObject({
  origin: z.looseObject({ name: z.literal('Longshore') }),
  availability: z.tuple([z.looseObject({ topic: z.string() })]).rest(z.looseObject({ topic: z.string() })),
  components: z.record(z.string(), z.looseObject({ platform: z.string(), state_topic: z.string().optional() })),
})

export type Discovery = z.infer<typeof discoverySchema>

/** @param prefix of discovery, as Home Assistant is set: usually `homeassistant` */
export const discoveryTopic = (prefix: string, device: string): string => `${prefix}/device/longshore_${device}/config`

/** The device whose message stands there; undefined where it is not ours, or of a fleet under another root. */
export const readDiscovery = (
  prefix: string,
  topics: Topics,
  topic: string,
  payload: Buffer,
): { readonly device: string; readonly discovery: Discovery } | undefined => {
  const device = topic.startsWith(`${prefix}/device/longshore_`)
    ? topic.slice(`${prefix}/device/longshore_`.length, -'/config'.length)
    : ''
  if (device === '' || discoveryTopic(prefix, device) !== topic) return undefined
  let json: unknown
  try {
    json = JSON.parse(payload.toString())
  } catch {
    return undefined
  }
  const parsed = discoverySchema.safeParse(json)
  if (!parsed.success || parsed.data.availability[0].topic !== topics.status(device)) return undefined
  return { device, discovery: parsed.data }
}

export const discoveryOf = ({ topics, device, inventory, via, apps, metrics, before }: Announced): Discovery => {
  const wanted = componentsOf({ topics, device, apps, metrics })
  return {
    device: {
      identifiers: [`longshore_${device}`],
      name: device,
      ...(inventory === undefined
        ? {}
        : {
            ...(inventory.model === undefined ? {} : { model: inventory.model }),
            hw_version: inventory.arch,
            sw_version: inventory.agent.version,
          }),
    },
    origin: { name: 'Longshore', sw_version: version },
    // Behind a bridge that is offline its own status says how it was, not how it is.
    availability: [onlineBy(topics.status(device)), ...via.map((site) => onlineBy(topics.bridgeStatus(site)))],
    availability_mode: 'all',
    qos: 1,
    components: { ...kept(before, topics.telemetryOfHost(device), wanted), ...wanted },
  }
}

const onlineBy = (topic: string) => ({
  topic,
  value_template: "{{ 'online' if value_json is defined and value_json.online else 'offline' }}",
})

/**
 * What a device told of once is told seldom, so it stays. Any other entity that is no more is left with its platform alone,
 * which has Home Assistant remove it.
 */
const kept = (before: Discovery | undefined, hostTopic: string, wanted: Components): Components =>
  Object.fromEntries(
    Object.entries(before?.components ?? {})
      .filter(([id]) => !Object.hasOwn(wanted, id))
      .map(([id, component]) =>
        id.startsWith(learnedPrefix) && component.state_topic === hostTopic
          ? [id, component]
          : [id, { platform: component.platform }],
      ),
  )
