/**
 * The spec digest: when it differs, the container is made anew. It covers what the operator wrote about the container
 * and the image id it resolved to, never the engine's create body, a default of ours or the agent's version, so that
 * an upgrade of the agent recreates nothing.
 */
import { isDeepStrictEqual } from 'node:util'
import { isJob, type Model, type Service } from '../../src/compose/model.ts'
import { digestOf } from '../../src/protocol/digest.ts'
import { linkAliases, networkKeys } from './engine-names.ts'
import { isAwaited } from './translate-service.ts'

/** Changes only when the meaning of this function does, which recreates every container of the fleet. */
const algorithm = 1

/** Keys that steer an update or the order of starts and are no part of the container. */
const steeringKeys = new Set(['depends_on', 'links', 'pull_policy'])

/**
 * @param content what `mountedContent` says of its files, configs and secrets; absent where it has none
 * @throws TypeError when the model holds what JSON cannot say; a validated model never does
 */
export const specDigest = (
  model: Model,
  name: string,
  service: Service,
  imageId: string,
  content?: Readonly<Record<string, string>>,
): string => {
  const mountedVolumes = (service.volumes ?? []).flatMap((mount) =>
    mount.type === 'volume' && mount.source !== undefined ? [mount.source] : [],
  )
  // Another service that waits for its end makes it a job, whose container is not restarted.
  const isMadeJob = !isJob(service, false) && isAwaited(model, name)
  const aliases = linkAliases(model, name)
  return digestOf({
    algorithm,
    name,
    service: containerPart(service),
    image: imageId,
    networks: pick(model.networks, networkKeys(service)),
    volumes: pick(model.volumes, mountedVolumes),
    ...(Object.keys(aliases).length === 0 ? {} : { aliases }),
    ...(isMadeJob ? { isMadeJob } : {}),
    ...(content === undefined ? {} : { content }),
  })
}

/** The keys of a service that differ between two releases and matter to its container; `image` covers a moved tag. */
export const changedKeys = (before: Service, after: Service): string[] => {
  const [old, now] = [containerPart(before), containerPart(after)]
  return [...new Set([...Object.keys(old), ...Object.keys(now)])]
    .filter((key) => !isDeepStrictEqual(old[key], now[key]))
    .sort()
}

const containerPart = (service: Service): Record<string, unknown> => {
  const { deploy, ...rest } = service
  const { limits, reservations } = deploy?.resources ?? {}
  const { recreateWhenLost: _, ...gpu } = service['x-longshore']?.gpu ?? {}
  const hasGpu = service['x-longshore']?.gpu !== undefined
  const devices = service['x-longshore']?.devices?.map(({ required: _, exclusive: __, ...selector }) => selector)
  return {
    ...Object.fromEntries(Object.entries(rest).filter(([key]) => !steeringKeys.has(key) && !key.startsWith('x-'))),
    ...(limits === undefined ? {} : { limits }),
    ...(reservations === undefined ? {} : { reservations }),
    ...(devices === undefined ? {} : { 'x-longshore.devices': devices }),
    ...(hasGpu ? { 'x-longshore.gpu': gpu } : {}),
  }
}

const pick = (definitions: Readonly<Record<string, unknown>> | undefined, keys: readonly string[]) =>
  Object.fromEntries(keys.flatMap((key) => (definitions?.[key] === undefined ? [] : [[key, definitions[key]]])))
