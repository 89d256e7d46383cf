/**
 * The verb `prune`: removes what the agent brought or made and no app needs. Never what anybody else's container uses, and
 * never a volume, for that is data.
 */
import { z } from 'zod'
import { reasonOf } from '../../src/protocol/reason.ts'
import type { ReadDisk } from '../disk/disk-space.ts'
import type { ImageCollector } from '../disk/image-collector.ts'
import type { Engine, EngineObjects } from '../engine/engine.ts'
import { isActive } from '../reconcile/service-view.ts'
import type { Store } from '../store/store.ts'
import { label, type Owner } from '../translate/engine-names.ts'
import { type Verb, verbOf } from './verb.ts'

export type PruneVerbInput = {
  readonly owner: Owner
  readonly store: Pick<Store, 'app' | 'setAside'>
  readonly engine: Pick<Engine, 'list' | 'image' | 'removeContainer' | 'removeNetwork'>
  readonly collector: Pick<ImageCollector, 'collect' | 'collectable'>
  readonly readDisk: ReadDisk
}

const argsSchema = z.object({ dryRun: z.boolean().default(false), by: z.string().max(200).default('somebody') })

/** What `prune` answers with. Sizes are those of the images, with layers that they may share with others. */
export type PruneResult = {
  readonly images: readonly {
    readonly id: string
    readonly references: readonly string[]
    readonly sizeBytes: number
  }[]
  readonly containers: readonly string[]
  readonly networks: readonly string[]
  /** what could not be removed, and why */
  readonly kept: readonly string[]
  /** of the disk of the engine; absent where it cannot be read */
  readonly freedBytes?: number
}

export const pruneVerb = ({ owner, store, engine, collector, readDisk }: PruneVerbInput): Verb =>
  verbOf(argsSchema, async ({ dryRun }) => {
    const left = leftOver(await engine.list({ agent: owner.agent }), owner.agent, (app) => isUnknown(store, app))
    const images = await collector.collectable()
    const [containers, networks] = [left.containers.map(nameOf), left.networks.map(nameOf)]
    if (dryRun) return { outcome: 'done', result: { images, containers, networks, kept: [] } as never }
    const freeBefore = (await readDisk())?.freeBytes
    const kept: string[] = []
    const attempt = async (name: string, remove: () => Promise<void>): Promise<boolean> => {
      try {
        await remove()
        return true
      } catch (error) {
        kept.push(`${name}: ${reasonOf(error).message}`)
        return false
      }
    }
    const removed = { containers: [] as string[], networks: [] as string[] }
    for (const { id, name } of left.containers)
      if (await attempt(name, () => engine.removeContainer(id, { volumes: false }))) removed.containers.push(name)
    for (const { id, name } of left.networks)
      if (await attempt(name, () => engine.removeNetwork(id))) removed.networks.push(name)
    await collector.collect(true)
    const gone = await Promise.all(images.map(async (image) => (await engine.image(image.id)) === undefined))
    images.forEach(({ references, id }, index) => {
      if (gone[index] !== true) kept.push(`${references[0] ?? id}: it has a name or a container of somebody else`)
    })
    const freeAfter = (await readDisk())?.freeBytes
    const freedBytes = freeBefore === undefined || freeAfter === undefined ? undefined : freeAfter - freeBefore
    const result = {
      ...{ images: images.filter((_, index) => gone[index]), ...removed, kept },
      ...(freedBytes === undefined ? {} : { freedBytes: Math.max(0, freedBytes) }),
    }
    return { outcome: 'done', result: result as never }
  })

/** Containers that do not run, and networks, of apps that the device knows nothing of. */
const leftOver = (
  { containers, networks }: EngineObjects,
  agent: string,
  isUnknownApp: (app: string) => boolean,
): Pick<EngineObjects, 'containers' | 'networks'> => {
  const isLeft = ({ labels }: { readonly labels: Readonly<Record<string, string>> }): boolean =>
    labels[label.agent] === agent && isUnknownApp(labels[label.app] ?? '')
  return {
    containers: containers.filter((container) => isLeft(container) && !isActive(container)),
    networks: networks.filter(isLeft),
  }
}

/** One whose record is damaged comes back when it is deployed again, and takes over what is there. */
const isUnknown = ({ app: record, setAside }: PruneVerbInput['store'], app: string): boolean =>
  record(app)?.accepted === undefined && !setAside().some((file) => file.app === app)

const nameOf = ({ name }: { readonly name: string }): string => name
