/** One service, its wanted spec and its containers, side by side: what the planner reasons about. */
import { isJob, type Model, type Service } from '../../src/compose/model.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import type { AcceptedAssignment } from '../store/app-record.ts'
import { containerName, joinedService, label, networkKeys, networkName, type Owner } from '../translate/engine-names.ts'
import { specDigest } from '../translate/spec-digest.ts'
import { isAwaited } from '../translate/translate-service.ts'
import type { Observed, ObservedContainer } from './observed.ts'

export type ServiceView = {
  readonly name: string
  readonly service: Service
  readonly isJob: boolean
  readonly imageId: string
  readonly digest: string
  /** the name that its container has in the end */
  readonly containerName: string
  /** the service whose network it joins */
  readonly joins: string | undefined
  /** the container that is as the model wants it, whatever its name by now; a running one before any other */
  readonly wanted: ObservedContainer | undefined
  /** all other containers of this service */
  readonly others: readonly ObservedContainer[]
  /** networks that the wanted container is not connected to yet, by key */
  readonly missingNetworks: readonly string[]
}

/** Views by service, in dependency order for `network_mode: service:X`, else by name. Images must all be known. */
export const viewServices = (
  owner: Owner,
  app: string,
  deployment: Pick<AcceptedAssignment, 'compose' | 'generation'>,
  imageIds: Readonly<Record<string, string>>,
  observed: Observed,
): Map<string, ServiceView> => {
  const model = deployment.compose
  const views = new Map<string, ServiceView>()
  const view = (name: string): void => {
    const service = model.services[name]
    if (service === undefined || views.has(name)) return
    const joins = joinedService(service)
    if (joins !== undefined) view(joins)
    const imageId = imageIds[service.image] ?? ''
    const digest = specDigest(model, name, service, imageId)
    const job = isJob(service, isAwaited(model, name))
    const containers = observed.containers.filter((container) => container.service === name)
    const joined = joins === undefined ? undefined : views.get(joins)?.wanted?.id
    const wanted = containers
      .filter((container) => isAsWanted(container, digest, joined, job, deployment.generation))
      .sort((a, b) => Number(b.state === 'running') - Number(a.state === 'running'))[0]
    views.set(name, {
      name,
      service,
      isJob: job,
      imageId,
      digest,
      containerName: containerName(owner, app, name, service),
      joins,
      wanted,
      others: containers.filter((container) => container !== wanted),
      missingNetworks:
        wanted === undefined
          ? []
          : networkKeys(service).filter((key) => !wanted.networks.includes(networkName(owner, app, model, key))),
    })
  }
  for (const name of Object.keys(model.services).sort()) view(name)
  return views
}

const isAsWanted = (
  container: ObservedContainer,
  digest: string,
  joinedId: string | undefined,
  job: boolean,
  generation: number,
): boolean => {
  if (container.labels[label.digest] !== digest || container.labels[label.joined] !== joinedId) return false
  if (container.state === 'dead' || container.state === 'removing') return false
  // A job that failed is tried again when the operator deploys it again.
  const hasFailed = job && container.state === 'exited' && container.details?.exitCode !== 0
  return !(hasFailed && container.labels[label.generation] !== String(generation))
}

/** Whether the container of a job ended, and how; undefined while it has not. */
export const jobExitCode = (view: ServiceView): number | undefined =>
  view.isJob && view.wanted?.state === 'exited' && view.wanted.details?.startedAt !== undefined
    ? view.wanted.details.exitCode
    : undefined

/** Started and not ended otherwise than it should; says nothing about health. */
export const isUp = (view: ServiceView): boolean => view.wanted?.state === 'running' || jobExitCode(view) === 0

/** As the operator wants it: runs and is healthy where health is checked, or is a job that is done. */
export const isGood = (view: ServiceView): boolean =>
  jobExitCode(view) === 0 ||
  (!view.isJob &&
    view.wanted?.state === 'running' &&
    (view.wanted.health === 'none' || view.wanted.health === 'healthy'))

/** What is wrong with a service, for people; undefined when nothing is. */
export const faultOf = (view: ServiceView): Reason | undefined => {
  const { name, wanted } = view
  const path = `services.${name}`
  if (isGood(view)) return undefined
  if (wanted === undefined) return { code: 'exited', message: `service ${name} has no container`, path }
  const exitCode = wanted.details?.exitCode
  const memory = wanted.details?.isOutOfMemory === true ? ', out of memory' : ''
  const jobCode = jobExitCode(view)
  if (jobCode !== undefined)
    return { code: 'job-failed', message: `job ${name} ended with exit code ${jobCode}${memory}`, path }
  switch (wanted.state) {
    case 'restarting':
      return {
        code: 'crash-loop',
        message: `service ${name} ends again and again, last with exit code ${exitCode}${memory}`,
        path,
      }
    case 'running':
      return wanted.health === 'unhealthy'
        ? { code: 'unhealthy', message: `service ${name} is unhealthy`, path }
        : { code: 'verifying', message: view.isJob ? `job ${name} is at work` : `service ${name} is starting`, path }
    case 'exited':
      return { code: 'exited', message: `service ${name} ended with exit code ${exitCode}${memory}`, path }
    default:
      return { code: 'exited', message: `service ${name} is ${wanted.state}`, path }
  }
}

export const hostPorts = (service: Service): string[] =>
  (service.ports ?? []).flatMap((port) =>
    port.published === undefined || port.published === 0 ? [] : [`${port.published}/${port.protocol}`],
  )

export const modelPorts = (model: Model): Set<string> => new Set(Object.values(model.services).flatMap(hostPorts))
