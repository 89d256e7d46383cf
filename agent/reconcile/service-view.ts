/** One container that a service asks for, and the containers there are, side by side: what the planner reasons about. */
import { isJob, type Model, replicasOf, type Service } from '../../src/compose/model.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import { hasDevices, type ServiceDevices, serviceDevices, staleDevices } from '../allot/allotted-hardware.ts'
import { type GpuGrant, grantGpus } from '../allot/grant-gpus.ts'
import type { AcceptedAssignment, CompletedJob } from '../store/app-record.ts'
import {
  containerName,
  followedServices,
  joinedLabel,
  label,
  networkKeys,
  networkName,
  type Owner,
} from '../translate/engine-names.ts'
import { mountedContent, type Release } from '../translate/project-mounts.ts'
import { specDigest } from '../translate/spec-digest.ts'
import { isAwaited } from '../translate/translate-service.ts'
import type { Observed, ObservedContainer } from './observed.ts'

export type ServiceView = {
  /** of the service; with several containers of it there are as many views */
  readonly name: string
  /** counts from 1 */
  readonly number: number
  readonly service: Service
  readonly isJob: boolean
  /** a job that ended well once and whose container is gone since: it is not run again */
  readonly isDone: boolean
  /** the operator wants it not to run */
  readonly isStopped: boolean
  readonly imageId: string
  readonly digest: string
  /** the name that its container has in the end */
  readonly containerName: string
  /** the services whose containers it joins, or is made anew with */
  readonly joins: readonly string[]
  /** the container that is as the model wants it, whatever its name by now; a running one before any other */
  readonly wanted: ObservedContainer | undefined
  /** all other containers in its place */
  readonly others: readonly ObservedContainer[]
  /** networks that the wanted container is not connected to yet, by key */
  readonly missingNetworks: readonly string[]
  /** what the hardware has for it */
  readonly devices: ServiceDevices
  /** which GPUs it gets, and how; undefined: it asks for none */
  readonly gpus: GpuGrant | undefined
  /** a container in its place lost its GPU */
  readonly hasLostGpu: boolean
  /** where the wanted container has another device than it should, and takes it only when it is restarted */
  readonly staleDevices: readonly string[]
}

/** What a release came to on this device: part of what its containers are compared with. */
export type ViewInput = {
  readonly owner: Owner
  readonly app: string
  readonly deployment: Pick<AcceptedAssignment, 'compose' | 'files' | 'generation'>
  /** ids by reference; all must be known */
  readonly images: Readonly<Record<string, string>>
  /** what the agent wrote to writable files */
  readonly written: Readonly<Record<string, string>>
  readonly secretVersions: Readonly<Record<string, string>>
  readonly completedJobs: readonly CompletedJob[] | undefined
  readonly stopped: Readonly<Record<string, unknown>> | undefined
  readonly observed: Observed
}

/** What `stopped` says of the whole app. */
export const wholeApp = '*'

export const isStoppedService = (stopped: ViewInput['stopped'] = {}, service: string): boolean =>
  Object.hasOwn(stopped, wholeApp) || Object.hasOwn(stopped, service)

export type Views = ReadonlyMap<string, ServiceView>

/** The key of a view: the service, and after a dot, which no service name has, the number of a further container. */
export const viewKey = (service: string, number: number): string => (number === 1 ? service : `${service}.${number}`)

export const viewsOf = (views: Views, service: string): ServiceView[] =>
  [...views.values()].filter(({ name }) => name === service)

/** Those that others join come before them, else by name. */
export const viewServices = (input: ViewInput): Views => {
  const { owner, app, deployment, observed } = input
  const model = deployment.compose
  const release: Release = { ...deployment, secretVersions: input.secretVersions }
  const views = new Map<string, ServiceView>()
  const view = (name: string): void => {
    const service = model.services[name]
    if (service === undefined || views.has(name)) return
    const joins = followedServices(model, service)
    for (const other of joins) view(other)
    const imageId = input.images[service.image] ?? ''
    const digest = specDigest(model, name, service, imageId, mountedContent(release, service, input.written))
    const job = isJob(service, isAwaited(model, name))
    const joined = joinedLabel(joins, wantedIds(views, joins))
    const networks = networkKeys(service).map((key) => networkName(owner, app, model, key))
    const isStopped = isStoppedService(input.stopped, name)
    const granted = grantGpus(name, service, observed.site)
    for (let number = 1; number <= replicasOf(service); number += 1) {
      const containers = observed.containers.filter(
        (container) => container.service === name && numberOf(container) === number,
      )
      const allotted = serviceDevices({ app, service: name, number }, service, observed.hardware)
      const devices = granted !== undefined && 'missing' in granted ? { ...allotted, ...granted } : allotted
      const wanted = containers
        .filter((container) => isAsWanted(container, digest, joined, job, deployment.generation))
        .filter((container) => isFound(container, networks))
        .filter(({ labels }) => hasDevices(labels[label.devices], devices))
        .filter(({ id }) => observed.lostGpus?.has(id) !== true)
        .sort((a, b) => Number(b.state === 'running') - Number(a.state === 'running'))[0]
      views.set(viewKey(name, number), {
        name,
        number,
        service,
        isJob: job,
        isDone: job && wanted === undefined && isCompleted(input.completedJobs, viewKey(name, number), digest),
        isStopped,
        imageId,
        digest,
        containerName: containerName(owner, app, name, service, number),
        joins,
        wanted,
        others: containers.filter((container) => container !== wanted),
        missingNetworks: missingNetworks(owner, app, model, service, wanted),
        devices,
        gpus: granted !== undefined && 'grant' in granted ? granted.grant : undefined,
        hasLostGpu: containers.some(({ id }) => observed.lostGpus?.has(id) === true),
        staleDevices:
          wanted === undefined ? [] : staleDevices(wanted, wanted.labels[label.devices], devices, observed.hardware),
      })
    }
  }
  for (const name of Object.keys(model.services).sort()) view(name)
  return views
}

const isCompleted = (jobs: ViewInput['completedJobs'], service: string, digest: string): boolean =>
  jobs?.some((job) => job.service === service && job.digest === digest) === true

/** The containers of services that are as wanted, by the service: whom one joins, it joins in the first of them. */
export const wantedIds = (views: Views, services: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    services.flatMap((name) => {
      const id = views.get(name)?.wanted?.id
      return id === undefined ? [] : [[name, id]]
    }),
  )

/** Containers made before there were several of a service have no number. */
export const numberOf = ({ labels }: Pick<ObservedContainer, 'labels'>): number => Number(labels[label.number] ?? '1')

const missingNetworks = (
  owner: Owner,
  app: string,
  model: Model,
  service: Service,
  wanted: ObservedContainer | undefined,
): string[] =>
  wanted === undefined
    ? []
    : networkKeys(service).filter((key) => !wanted.networks.includes(networkName(owner, app, model, key)))

const isAsWanted = (
  container: ObservedContainer,
  digest: string,
  joined: string | undefined,
  job: boolean,
  generation: number,
): boolean => {
  if (container.labels[label.digest] !== digest || container.labels[label.joined] !== joined) return false
  if (container.state === 'dead' || container.state === 'removing') return false
  // A job that failed is tried again when the operator deploys it again.
  const hasFailed = job && container.state === 'exited' && container.details?.exitCode !== 0
  return !(hasFailed && container.labels[label.generation] !== String(generation))
}

/**
 * By the name of its service. One that was about to give way to its successor beside it (start-first) is not any more, and
 * an engine gives no name back to what runs.
 */
const isFound = ({ service, details }: ObservedContainer, networks: readonly string[]): boolean =>
  networks.every((name) => details?.aliases[name]?.includes(service) !== false)

/** Whether a job ended, and how; undefined while it has not. */
export const jobExitCode = (view: ServiceView): number | undefined => {
  if (view.isDone) return 0
  return view.isJob && view.wanted?.state === 'exited' && view.wanted.details?.startedAt !== undefined
    ? view.wanted.details.exitCode
    : undefined
}

/** Started and not ended otherwise than it should; says nothing about health. */
export const isUp = (view: ServiceView): boolean => view.wanted?.state === 'running' || jobExitCode(view) === 0

/** As the operator wants it: runs and is healthy where health is checked, or is a job that is done, or is stopped. */
export const isGood = (view: ServiceView): boolean =>
  (view.isStopped && [view.wanted, ...view.others].every((one) => one === undefined || !isActive(one))) ||
  jobExitCode(view) === 0 ||
  (!view.isJob &&
    view.wanted?.state === 'running' &&
    (view.wanted.health === 'none' || view.wanted.health === 'healthy'))

export const isActive = ({ state }: Pick<ObservedContainer, 'state'>): boolean =>
  state === 'running' || state === 'restarting' || state === 'paused'

/** What is wrong with a service, for people; undefined when nothing is. */
export const faultOf = (view: ServiceView): Reason | undefined => {
  const { wanted } = view
  const name = replicasOf(view.service) === 1 ? view.name : `${view.name} (${view.number})`
  const path = `services.${view.name}`
  if (isGood(view)) return undefined
  if (view.isStopped) return { code: 'stopped', message: `service ${name} is to be stopped`, path }
  if (view.devices.missing !== undefined && wanted?.state !== 'running') return view.devices.missing
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
        message: `service ${name} ends again and again, ${wanted.details?.restarts} times by now, last with exit code ${exitCode}${memory}`,
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
