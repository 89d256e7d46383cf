/**
 * The way that GPUs take into a container: the first that the engine and the GPU both know, of CDI, the runtime of a
 * Jetson, a request to the driver of NVIDIA, and plain nodes with their group. Pure.
 */
import type { HostDevice } from '../../src/protocol/host-device.ts'
import type { DeviceRequestSpec, DeviceSpec } from '../translate/host-spec.ts'
import type { GpuAsk } from './gpu-asks.ts'
import type { Site, SiteEngine } from './site.ts'

export type GpuWay =
  | { readonly kind: 'cdi'; readonly names: readonly string[] }
  | { readonly kind: 'runtime'; readonly runtime: 'nvidia' }
  | { readonly kind: 'request'; readonly request: DeviceRequestSpec }
  | { readonly kind: 'nodes'; readonly devices: readonly DeviceSpec[]; readonly groups: readonly string[] }

/** GPUs of one vendor that were chosen for what was asked. */
export type Chosen = {
  readonly vendor: string
  readonly gpus: readonly HostDevice[]
  /** of that vendor: all there are */
  readonly all: readonly HostDevice[]
  /** slices of a GPU that the inventory does not list, by the id that was asked for */
  readonly slices: readonly string[]
}

/** undefined: the engine of this device cannot hand them to a container. */
export const gpuWay = (ask: GpuAsk, chosen: Chosen, site: Site): GpuWay | undefined => {
  const { engine } = site
  if (engine === undefined) return undefined
  return (
    cdiWay(chosen, site, engine) ??
    runtimeWay(chosen, engine) ??
    requestWay(ask, chosen, engine) ??
    nodesWay(chosen, site)
  )
}

/** What the tools of the makers call their devices. */
const cdiKinds: Readonly<Record<string, string>> = {
  nvidia: 'nvidia.com/gpu',
  'nvidia-jetson': 'nvidia.com/gpu',
  amd: 'amd.com/gpu',
}

const cdiWay = (chosen: Chosen, { cdi, refused }: Site, { hasCdi }: SiteEngine): GpuWay | undefined => {
  const kind = cdiKinds[chosen.vendor]
  if (!hasCdi || kind === undefined) return undefined
  const known = cdi.filter((name) => !refused.includes(name))
  const isWhole = chosen.slices.length === 0 && chosen.gpus.length === chosen.all.length
  const isAll = isWhole && !refused.some((name) => name.startsWith(`${kind}=`))
  if (isAll && known.includes(`${kind}=all`)) return { kind: 'cdi', names: [`${kind}=all`] }
  const names = [
    ...chosen.gpus.map((gpu) => [gpu.gpu?.uuid, numberOf(gpu, chosen)].map((id) => `${kind}=${id}`)),
    ...chosen.slices.map((id) => [`${kind}=${id}`]),
  ].map((spellings) => spellings.find((name) => known.includes(name)))
  return names.every((name) => name !== undefined) ? { kind: 'cdi', names } : undefined
}

/** With its files listed (csv mode) it refuses requests. */
const runtimeWay = ({ vendor }: Chosen, { runtimes }: SiteEngine): GpuWay | undefined =>
  vendor === 'nvidia-jetson' && runtimes.includes('nvidia') ? { kind: 'runtime', runtime: 'nvidia' } : undefined

/** As it was written, unless what a GPU must be has made the choice already. */
const requestWay = ({ request, needs, ids }: GpuAsk, chosen: Chosen, engine: SiteEngine): GpuWay | undefined => {
  if (chosen.vendor !== 'nvidia' || !engine.hasGpuRequests) return undefined
  const { vendor: _, count: __, recreateWhenLost: ___, ...facts } = needs
  const isOurChoice = ids === undefined && Object.keys(facts).length > 0
  return {
    kind: 'request',
    request: isOurChoice
      ? { ...request, count: 0, ids: chosen.gpus.map((gpu) => gpu.gpu?.uuid ?? numberOf(gpu, chosen)) }
      : request,
  }
}

const nodesWay = ({ vendor, gpus }: Chosen, { refused }: Site): GpuWay | undefined => {
  const nodes = [...new Set(gpus.flatMap(({ gpu }) => gpu?.nodes ?? []).filter(isForComputing))].sort()
  // The libraries of NVIDIA belong to its driver, and are in no image.
  if (vendor.startsWith('nvidia') || nodes.length === 0 || nodes.some((node) => refused.includes(node)))
    return undefined
  return {
    kind: 'nodes',
    devices: nodes.map((node) => ({ source: node, target: node, permissions: 'rw' })),
    groups: [...new Set(gpus.flatMap(({ gid = 0 }) => (gid === 0 ? [] : [String(gid)])))].sort(),
  }
}

/** Not the display, which has another group. */
const isForComputing = (node: string): boolean => /\/(kfd|renderD\d+)$/.test(node)

/** As the driver counts them. */
export const numberOf = (gpu: HostDevice, { vendor, all }: Pick<Chosen, 'vendor' | 'all'>): string =>
  vendor === 'nvidia' ? (/\d+$/.exec(gpu.name)?.[0] ?? '0') : String(all.indexOf(gpu))

/** For people: `by CDI nvidia.com/gpu=0`. */
export const wayText = (way: GpuWay): string => {
  switch (way.kind) {
    case 'cdi':
      return `by CDI ${way.names.join(', ')}`
    case 'runtime':
      return `by the runtime ${way.runtime}`
    case 'request':
      return `by a request to the engine for ${way.request.ids.join(', ') || (way.request.count < 0 ? 'all' : way.request.count)}`
    case 'nodes':
      return `as ${way.devices.map(({ source }) => source).join(', ')}`
  }
}
