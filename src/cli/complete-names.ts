/** Names for the completion of a shell: devices, apps, services of an app, as the broker has them. Nobody waits for it long. */
import { readState } from '../fleet/read-state.ts'
import { type BrokerOptions, withFleet } from './context.ts'

export const nameKinds = ['devices', 'apps', 'services'] as const

export type NamesWanted = BrokerOptions & {
  readonly names: (typeof nameKinds)[number]
  readonly device?: string
  readonly app?: string
}

/** @returns sorted, each once */
export const completeNames = ({ names, device = '+', app = '+', ...broker }: NamesWanted): Promise<string[]> =>
  withFleet(broker, async (fleet) => {
    const { topics } = fleet
    const filter = names === 'devices' ? topics.status('+') : topics.reported(device, names === 'apps' ? '+' : app)
    const found = await fleet.read([filter])
    const parsed = [...found.keys()].flatMap((topic) => topics.parse(topic) ?? [])
    if (names === 'devices') return distinct(parsed.map((topic) => topic.device))
    if (names === 'apps') return distinct(parsed.flatMap((topic) => ('app' in topic && topic.app) || []))
    const states = [...readState(topics, found).values()].flatMap(({ apps }) => [...apps.values()])
    return distinct(states.flatMap(({ reported }) => Object.keys(reported?.services ?? {})))
  })

const distinct = (names: readonly string[]): string[] => [...new Set(names)].sort()
