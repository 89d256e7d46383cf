/**
 * The GPUs of a device for a service: which, and in which way, or why there are none. Decided when a deployment is taken,
 * and again when a container is made. Pure.
 */
import type { Model, Service } from '../../src/compose/model.ts'
import { type GpuNeeds, isWithin } from '../../src/compose/model-gpu.ts'
import type { Code } from '../../src/protocol/codes.ts'
import type { HostDevice } from '../../src/protocol/host-device.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import type { DeviceRequestSpec, DeviceSpec } from '../translate/host-spec.ts'
import { type GpuAsk, gpuAsksOf } from './gpu-asks.ts'
import { askText, gpusText } from './gpu-text.ts'
import { type Chosen, type GpuWay, gpuWay, numberOf, wayText } from './gpu-way.ts'
import type { Site } from './site.ts'

/** What of a container's spec they come to. */
export type GpuGrant = {
  readonly requests: readonly DeviceRequestSpec[]
  readonly devices: readonly DeviceSpec[]
  readonly groups: readonly string[]
  readonly runtime?: string
  /** where the service says nothing of them itself */
  readonly environment: Readonly<Record<string, string>>
  /** which way they take, for people; empty where none is asked for */
  readonly text: string
}

export type GrantedGpus = { readonly grant: GpuGrant } | { readonly missing: Reason }

/** undefined: the service asks for none, or the engine has not told yet what it can do. */
export const grantGpus = (name: string, service: Service, site: Site | undefined): GrantedGpus | undefined => {
  const asks = gpuAsksOf(service)
  if (site?.engine === undefined || (asks.gpus.length === 0 && asks.cdi.length === 0)) return undefined
  const ways: GpuWay[] = []
  for (const { path, name: cdiName } of asks.cdi) {
    const why = cdiFault(cdiName, site)
    if (why !== undefined) return missing(name, path, `${cdiName}, ${why}`)
    ways.push({ kind: 'cdi', names: [cdiName] })
  }
  for (const ask of asks.gpus) {
    const way = decide(ask, site)
    if ('why' in way) return missing(name, ask.path, `${askText(ask)}, ${way.why}`, way.code)
    ways.push(way)
  }
  return { grant: grantOf(ways, asks.others) }
}

/** The first service of a model that cannot have its GPUs here. */
export const gpuFault = (model: Model, site: Site): Reason | undefined => {
  for (const name of Object.keys(model.services).sort()) {
    const granted = grantGpus(name, model.services[name] as Service, site)
    if (granted !== undefined && 'missing' in granted) return granted.missing
  }
  return undefined
}

const missing = (name: string, path: string, text: string, code: Code = 'gpu-missing'): GrantedGpus => ({
  missing: {
    code,
    message: `service ${name} asks for ${text}`,
    path: `compose.services.${name}.${path}`,
  },
})

const cdiFault = (name: string, { cdi, engine }: Site): string | undefined => {
  if (!cdi.includes(name)) return `and this device has ${cdi.length === 0 ? 'no CDI device' : cdi.join(', ')}`
  return engine?.hasCdi === true ? undefined : 'and the engine of this device has no CDI switched on'
}

const decide = (ask: GpuAsk, site: Site): GpuWay | { readonly why: string; readonly code: Code } => {
  const gpus = site.devices.filter(({ class: kind }) => kind === 'gpu')
  const fitting = vendorsOf(gpus).flatMap((vendor) => choose(ask, vendor, gpus) ?? [])
  for (const chosen of fitting) {
    const way = gpuWay(ask, chosen, site)
    if (way !== undefined) return way
  }
  const refused = fitting.flatMap((chosen) => gpuWay(ask, chosen, { ...site, refused: [] }) ?? [])[0]
  if (refused !== undefined)
    return { code: 'policy-refused', why: `which the policy of this device does not allow ${wayText(refused)}` }
  const there = `this device has ${gpusText(gpus)}`
  return {
    code: 'gpu-missing',
    why:
      fitting.length === 0
        ? `and ${there}`
        : `and ${there}, for which its engine has neither CDI nor the runtime of NVIDIA`,
  }
}

/** Those with memory of their own come first. */
const ranks = ['nvidia', 'nvidia-jetson', 'amd', 'intel']

const vendorsOf = (gpus: readonly HostDevice[]): string[] => {
  const rank = (vendor: string): number => (ranks.includes(vendor) ? ranks.indexOf(vendor) : ranks.length)
  return [...new Set(gpus.map(({ gpu }) => gpu?.vendor ?? ''))].sort((one, other) => rank(one) - rank(other))
}

const choose = ({ needs, count, ids }: GpuAsk, vendor: string, gpus: readonly HostDevice[]): Chosen | undefined => {
  if (needs.vendor !== undefined && needs.vendor !== vendor && `${needs.vendor}-jetson` !== vendor) return undefined
  const all = gpus.filter(({ gpu }) => (gpu?.vendor ?? '') === vendor)
  const fitting = all.filter((gpu) => isFitting(gpu, needs))
  if (ids !== undefined) {
    const slices = ids.filter((id) => vendor === 'nvidia' && isSlice(id))
    const chosen = fitting.filter((gpu) => ids.some((id) => isCalled(gpu, id, { vendor, all })))
    const isComplete = ids.every(
      (id) => slices.includes(id) || chosen.some((gpu) => isCalled(gpu, id, { vendor, all })),
    )
    return isComplete ? { vendor, gpus: chosen, all, slices } : undefined
  }
  const least = count === 'all' ? (needs.count ?? 1) : count
  if (fitting.length < least) return undefined
  return { vendor, gpus: count === 'all' ? fitting : fitting.slice(0, count), all, slices: [] }
}

/** What a GPU does not tell, it does not have. */
const isFitting = ({ gpu }: HostDevice, { memory, cuda, computeCapability }: GpuNeeds): boolean =>
  (memory === undefined || (gpu?.memoryBytes ?? 0) >= memory) &&
  (cuda === undefined || (gpu?.cudaVersion !== undefined && isWithin(gpu.cudaVersion, cuda))) &&
  (computeCapability === undefined ||
    (gpu?.computeCapability !== undefined && isWithin(gpu.computeCapability, computeCapability)))

const isCalled = (gpu: HostDevice, id: string, among: Pick<Chosen, 'vendor' | 'all'>): boolean =>
  id === gpu.gpu?.uuid || id === numberOf(gpu, among)

/** Of a GPU that is divided (MIG). */
const isSlice = (id: string): boolean => id.startsWith('MIG-') || /^\d+:\d+$/.test(id)

const grantOf = (ways: readonly GpuWay[], others: readonly DeviceRequestSpec[]): GpuGrant => {
  const names = [...new Set(ways.flatMap((way) => (way.kind === 'cdi' ? way.names : [])))]
  const nodes = ways.flatMap((way) => (way.kind === 'nodes' ? [way] : []))
  const isByRuntime = ways.some(({ kind }) => kind === 'runtime')
  return {
    requests: [
      ...(names.length === 0 ? [] : [{ driver: 'cdi', count: 0, ids: names, capabilities: [], options: {} }]),
      ...ways.flatMap((way) => (way.kind === 'request' ? [way.request] : [])),
      ...others,
    ],
    devices: [...new Map(nodes.flatMap((way) => way.devices.map((device) => [device.source, device]))).values()],
    groups: [...new Set(nodes.flatMap(({ groups }) => groups))],
    ...(isByRuntime ? { runtime: 'nvidia' } : {}),
    environment: isByRuntime ? { NVIDIA_VISIBLE_DEVICES: 'all' } : {},
    text: [...new Set(ways.map(wayText))].join(' and '),
  }
}
