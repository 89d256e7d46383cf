/** Reads what one app has on the engine: lists, and details only of what changed since they were last read. */
import type { ContainerDetails, Engine, EngineContainer } from '../engine/engine.ts'
import { label } from '../translate/engine-names.ts'
import type { Observed, ObservedContainer } from './observed.ts'

export type Observer = {
  /** @param withProject also the containers of a Compose project of that name */
  readonly observe: (app: string, withProject?: boolean) => Promise<Observed>
  /** An event or an operation touched this container: what was read of it before is not to be trusted. */
  readonly forget: (containerId: string) => void
  readonly forgetAll: () => void
  /**
   * Whether events of the engine are being heard. Nothing is kept while they are not: a container that was restarted
   * meanwhile looks the same in a list.
   */
  readonly setHearing: (isHearing: boolean) => void
}

export const createObserver = (engine: Pick<Engine, 'list' | 'details' | 'image'>, agent: string): Observer => {
  const cache = new Map<string, ContainerDetails>()
  /** by image id; undefined: it had none when it was last asked for */
  const digests = new Map<string, string | undefined>()
  /** Counts what was forgotten, so that a read that was under way at the time is not kept. */
  let forgotten = 0
  let isHearing = false

  const forgetAll = (): void => {
    forgotten += 1
    cache.clear()
    // An image stays what it is, but one that was loaded may be pulled later, and have a digest then.
    for (const [id, digest] of digests) if (digest === undefined) digests.delete(id)
  }

  const details = async ({ id, state, health }: EngineContainer): Promise<ContainerDetails | undefined> => {
    const cached = cache.get(id)
    if (cached?.state === state && cached.health === health) return cached
    const before = forgotten
    const read = await engine.details(id)
    if (read !== undefined && isHearing && before === forgotten) cache.set(id, read)
    return read
  }

  const digestsOf = async (containers: readonly EngineContainer[]): Promise<Record<string, string>> => {
    const ids = [...new Set(containers.map(({ imageId }) => imageId))]
    const unknown = ids.filter((id) => !digests.has(id))
    await Promise.all(
      unknown.map(async (id) => digests.set(id, (await engine.image(id))?.digests[0]?.replace(/^.*@/, ''))),
    )
    return Object.fromEntries(
      ids.flatMap((id) => {
        const digest = digests.get(id)
        return digest === undefined ? [] : [[id, digest]]
      }),
    )
  }

  const withDetails = (containers: readonly EngineContainer[]): Promise<ObservedContainer[]> =>
    Promise.all(
      containers.map(async (container) => {
        const read = await details(container)
        // Docker says `die` before its own list knows of it: what was just read of the container itself is newer.
        const newest = read === undefined ? {} : { state: read.state, health: read.health }
        return { ...container, ...newest, service: container.labels[label.service] ?? '', details: read }
      }),
    )

  return {
    observe: async (app, withProject = false) => {
      const { containers, networks, volumes, project } = await engine.list({
        agent,
        app,
        ...(withProject ? { project: app } : {}),
      })
      const [observed, imageDigests] = await Promise.all([withDetails(containers), digestsOf(containers)])
      return {
        containers: observed.sort((a, b) => (a.name < b.name ? -1 : 1)),
        networks,
        volumes,
        imageDigests,
        ...(project === undefined ? {} : { project: await withDetails(project) }),
      }
    },
    forget: (id) => {
      forgotten += 1
      cache.delete(id)
    },
    forgetAll,
    setHearing: (value) => {
      isHearing = value
      forgetAll()
    },
  }
}
