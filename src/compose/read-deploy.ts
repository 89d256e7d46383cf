/** `deploy`, as far as one device has a use for it, and the limits that can be written in two places. */
import type { Reader } from './context.ts'
import type { Service } from './model.ts'
import { orNothing, readShape } from './read-shape.ts'
import { readCpus, readDuration, readInteger, readSizeLimit } from './read-values.ts'

export const readDeploy: Reader<Record<string, unknown>> = orNothing(
  readShape('deploy', {
    resources: orNothing(
      readShape('resources', {
        limits: orNothing(readShape('limits', { cpus: readCpus, memory: readSizeLimit, pids: readInteger(-1) })),
      }),
    ),
    update_config: orNothing(readShape('updateConfig', { monitor: readDuration })),
  }),
)

/** Limits in their one place: `mem_limit`, `cpus` and `pids_limit`. That the two do not differ is checked before. */
export const withLimitsInOnePlace = (service: Service): Service => {
  const { deploy, ...rest } = service
  const { resources, ...otherDeploy } = deploy ?? {}
  const { limits, ...otherResources } = resources ?? {}
  const { cpus, memory, pids, ...otherLimits } = limits ?? {}
  const keptResources = { ...otherResources, ...(isEmpty(otherLimits) ? {} : { limits: otherLimits }) }
  const keptDeploy = { ...otherDeploy, ...(isEmpty(keptResources) ? {} : { resources: keptResources }) }
  return {
    ...rest,
    ...(cpus === undefined ? {} : { cpus }),
    ...(memory === undefined ? {} : { mem_limit: memory }),
    ...(pids === undefined ? {} : { pids_limit: pids }),
    ...(isEmpty(keptDeploy) ? {} : { deploy: keptDeploy }),
  } as Service
}

const isEmpty = (value: object): boolean => Object.keys(value).length === 0
