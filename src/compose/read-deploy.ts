/** `deploy`, as far as one device has a use for it, and the limits that can be written in two places. */
import { type Authored, quote } from './authored.ts'
import type { Context, Reader } from './context.ts'
import type { Service } from './model.ts'
import { mostReplicas } from './model-deploy.ts'
import { parseConstraint } from './placement.ts'
import { readReservedDevices } from './read-devices.ts'
import { ignored, orNothing, readShape } from './read-shape.ts'
import { readRestartPolicy, readRollbackConfig, readUpdateConfig } from './read-update.ts'
import { readCpus, readFilledText, readInteger, readOneOf, readSet, readSizeLimit } from './read-values.ts'

/** `global` means one on each node, and a device is one. */
const readMode: Reader<'global' | 'replicated-job'> = (node, context) => {
  const mode = readOneOf('replicated', 'global', 'replicated-job', 'global-job')(node, context)
  if (mode === 'replicated') return undefined
  return mode === 'global' ? 'global' : mode && 'replicated-job'
}

export const readReplicas: Reader<number> = readInteger(0, mostReplicas)

const readConstraint: Reader<string> = (node, context) => {
  const written = readFilledText(node, context)
  if (written === undefined) return undefined
  const parsed = parseConstraint(written)
  if (parsed.ok) return parsed.text
  return context.fault(node, 'value-invalid', `constraint ${quote(written)} ${parsed.fault}`, parsed.remedy)
}

export const readDeploy: Reader<Record<string, unknown>> = orNothing(
  readShape('deploy', {
    mode: readMode,
    replicas: readReplicas,
    resources: orNothing(
      readShape('resources', {
        limits: orNothing(readShape('limits', { cpus: readCpus, memory: readSizeLimit, pids: readInteger(-1) })),
        reservations: orNothing(
          readShape('reservations', {
            cpus: ignored('is ignored: an engine keeps no CPUs free for a container'),
            memory: readSizeLimit,
            devices: readReservedDevices,
          }),
        ),
      }),
    ),
    update_config: readUpdateConfig,
    rollback_config: readRollbackConfig,
    restart_policy: readRestartPolicy,
    labels: ignored('is ignored: these are labels of a Swarm service, and none of its containers'),
    placement: orNothing(readShape('placement', { constraints: readSet(readConstraint) })),
  }),
)

/** `scale` and `deploy.replicas` as one; one container is what an absent key means. */
export const withReplicasInOnePlace = (
  deploy: DraftDeploy | undefined,
  scale: number | undefined,
  node: Authored,
  context: Context,
): DraftDeploy | undefined => {
  const { mode, replicas, ...rest } = deploy ?? {}
  if (scale !== undefined && replicas !== undefined && scale !== replicas)
    context.fault(
      node,
      'value-invalid',
      `scale is ${scale} and deploy.replicas is ${replicas}: keep one of them`,
      'remove scale',
    )
  const count = mode === 'global' ? 1 : (replicas ?? scale ?? 1)
  const whole = {
    ...rest,
    ...(mode === undefined || mode === 'global' ? {} : { mode }),
    ...(count === 1 ? {} : { replicas: count }),
  }
  return isEmpty(whole) ? undefined : whole
}

export type DraftDeploy = {
  mode?: 'global' | 'replicated-job'
  replicas?: number
  /** in the words of `restart` */
  restart_policy?: string
}

/** Limits in their one place: `mem_limit`, `mem_reservation`, `cpus` and `pids_limit`. That the two do not differ is checked before. */
export const withLimitsInOnePlace = (service: Service): Service => {
  const { deploy, ...rest } = service
  const { resources, ...otherDeploy } = deploy ?? {}
  const { limits, reservations, ...otherResources } = resources ?? {}
  const { cpus, memory, pids, ...otherLimits } = limits ?? {}
  const { memory: reserved, ...otherReservations } = reservations ?? {}
  const keptResources = {
    ...otherResources,
    ...(isEmpty(otherLimits) ? {} : { limits: otherLimits }),
    ...(isEmpty(otherReservations) ? {} : { reservations: otherReservations }),
  }
  const keptDeploy = { ...otherDeploy, ...(isEmpty(keptResources) ? {} : { resources: keptResources }) }
  return {
    ...rest,
    ...(cpus === undefined ? {} : { cpus }),
    ...(memory === undefined ? {} : { mem_limit: memory }),
    ...(pids === undefined ? {} : { pids_limit: pids }),
    ...(reserved === undefined ? {} : { mem_reservation: reserved }),
    ...(isEmpty(keptDeploy) ? {} : { deploy: keptDeploy }),
  } as Service
}

const isEmpty = (value: object): boolean => Object.keys(value).length === 0
