/** All that somebody who looks for a fault wants to see at once. Each part for itself: one that fails or hangs says so. */
import { reasonOf } from '../../src/protocol/reason.ts'
import type { Engine } from '../engine/engine.ts'
import type { Store } from '../store/store.ts'
import { label } from '../translate/engine-names.ts'

export type FactsInput = {
  readonly device: string
  readonly engine: Pick<Engine, 'facts' | 'list' | 'details' | 'lastLines' | 'imageIds'>
  readonly store: Pick<Store, 'apps' | 'device' | 'setAside'>
  /** what else is told, by name; of any form */
  readonly parts: Readonly<Record<string, () => unknown>>
  readonly nowMs: () => number
}

const timeoutMs = 5_000
const linesOfContainer = 50
const mostContainers = 200

export const collectFacts = async ({ device, engine, store, parts, nowMs }: FactsInput): Promise<object> => {
  const own: FactsInput['parts'] = {
    engine: () => engine.facts(),
    imageCount: async () => (await engine.imageIds()).length,
    containers: () => containersOf(engine, device),
    apps: () => store.apps().map(({ history: _, ...record }) => record),
    setAside: () => store.setAside(),
    deviceRecord: () => {
      const { answered, ...rest } = store.device()
      // What others asked and were told is theirs.
      return { ...rest, answered: answered.map(({ id, at, reply }) => ({ id, at, outcome: reply.outcome })) }
    },
    ...parts,
  }
  const read = await Promise.all(Object.entries(own).map(async ([name, part]) => [name, await within(part)] as const))
  return { schema: 1, device, at: nowMs(), ...Object.fromEntries(read) }
}

const within = async (part: () => unknown): Promise<unknown> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<object>((resolve) => {
    timer = setTimeout(() => resolve({ fault: `no answer within ${timeoutMs / 1000} s` }), timeoutMs)
  })
  try {
    return (await Promise.race([(async () => part())(), late])) ?? null
  } catch (error) {
    return { fault: reasonOf(error) }
  } finally {
    clearTimeout(timer)
  }
}

const containersOf = async (engine: FactsInput['engine'], agent: string): Promise<object[]> => {
  const { containers } = await engine.list({ agent })
  return await Promise.all(
    containers.slice(0, mostContainers).map(async ({ id, name, labels, state, health, imageId, networks }) => ({
      ...{ name, id, app: labels[label.app], service: labels[label.service], state, health, imageId, networks },
      details: await within(() => engine.details(id)),
      log: await within(() => engine.lastLines(id, linesOfContainer)),
    })),
  )
}
