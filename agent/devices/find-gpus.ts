/** GPUs with a driver of the kernel's own graphics system, under /dev/dri; of AMD with what KFD tells for computing. */
import { basename, dirname } from 'node:path'
import { defined } from '../../src/defined.ts'
import { describeDevice, type Found, type Host, someOf } from './describe-device.ts'
import { npuModel } from './find-npus.ts'
import type { HostFiles } from './host-files.ts'
import { entriesOf, nodeFacts, type SysfsEntry } from './sysfs-device.ts'
import { udevPciModel } from './udev-data.ts'

const vendors: Readonly<Record<string, string>> = { '0x1002': 'amd', '0x8086': 'intel', '0x10de': 'nvidia' }

/** What has a render node can compute and encode; the plain display of a server board has none. */
export const findGpus = async (host: Host): Promise<readonly Found[]> => {
  const entries = (await entriesOf(host.files, '/sys/class/drm')).filter(({ name }) => /^(card|renderD)\d+$/.test(name))
  const byDevice = new Map<string, SysfsEntry[]>()
  for (const entry of entries) {
    const device = dirname(dirname(entry.path))
    byDevice.set(device, [...(byDevice.get(device) ?? []), entry])
  }
  const kfd = await readKfd(host.files)
  const found = await Promise.all([...byDevice].map(([path, parts]) => describeGpu(host, path, parts, kfd)))
  return found.flat()
}

const describeGpu = async (host: Host, path: string, parts: readonly SysfsEntry[], kfd: Kfd): Promise<Found[]> => {
  const { files } = host
  const render = parts.find(({ name }) => name.startsWith('renderD'))
  if (render === undefined) return []
  const [vendorId, memory, uniqueId, product, nodes, found] = await Promise.all([
    files.line(`${path}/vendor`),
    files.line(`${path}/mem_info_vram_total`),
    files.line(`${path}/unique_id`),
    files.line(`${path}/product_name`),
    Promise.all(parts.map(async (part) => (await nodeFacts(files, part.path)).node ?? [])),
    describeDevice(host, { class: 'gpu', name: render.name }, render.path),
  ])
  const { device, pciSlot } = found
  const npu = npuModel(undefined, device.driver)
  if (npu !== undefined) return [{ ...found, device: { ...device, class: 'npu', model: npu } }]
  const vendor = vendors[vendorId ?? ''] ?? device.driver ?? 'unknown'
  const compute = kfd.get(render.name)
  const own = compute !== undefined && (await files.gid('/dev/kfd')) !== undefined ? ['/dev/kfd'] : []
  const model = product ?? (pciSlot === undefined ? undefined : await udevPciModel(files, pciSlot)) ?? compute?.name
  return [
    {
      ...found,
      path,
      device: defined({
        ...device,
        model,
        gpu: defined({
          vendor,
          uuid: vendor === 'amd' && uniqueId !== undefined ? `GPU-${uniqueId}` : undefined,
          memoryBytes: /^\d{1,15}$/.test(memory ?? '') ? Number(memory) : undefined,
          nodes: someOf([...nodes.flat().sort(), ...own]),
        }),
      }),
    },
  ]
}

type Kfd = ReadonlyMap<string, { readonly name: string | undefined }>

/** The nodes for computing, by the name of the render node that they belong to. */
const readKfd = async (files: HostFiles): Promise<Kfd> => {
  const folder = '/sys/class/kfd/kfd/topology/nodes'
  const found = await Promise.all(
    (await files.names(folder)).map(async (number) => {
      const properties = (await files.text(`${folder}/${number}/properties`)) ?? ''
      const minor = /^drm_render_minor (\d+)$/m.exec(properties)?.[1]
      // A processor is a node of the topology too, and has none.
      if (minor === undefined || minor === '0') return []
      return [[`renderD${minor}`, { name: await files.line(`${folder}/${number}/name`) }] as const]
    }),
  )
  return new Map(found.flat())
}

export const isGpuOfSlot = (found: Found, slot: string): boolean =>
  found.device.class === 'gpu' && found.pciSlot === slot

export const renderNodesOf = (found: Found | undefined): readonly string[] =>
  (found?.device.gpu?.nodes ?? []).filter((node) => basename(dirname(node)) === 'dri')
