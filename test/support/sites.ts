/** Devices to judge deployments by: plain data, or the described machines of `test/fixtures/hosts`. */
import type { Site, SiteEngine } from '../../agent/allot/site.ts'
import { readHardware } from '../../agent/devices/read-devices.ts'
import { makeHost } from './host-tree.ts'

/** Docker with nothing of a maker of GPUs. */
export const plainEngine: SiteEngine = { runtimes: ['runc'], hasCdi: false, hasGpuRequests: false }
export const nvidiaEngine: SiteEngine = { runtimes: ['nvidia', 'runc'], hasCdi: false, hasGpuRequests: true }
export const cdiEngine: SiteEngine = { ...plainEngine, hasCdi: true }

export const siteOf = (more: Partial<Site> = {}): Site => ({
  device: 'gw-1',
  hostname: 'edge-7',
  os: 'linux',
  arch: 'arm64',
  labels: {},
  devices: [],
  cdi: [],
  refused: [],
  engine: plainEngine,
  ...more,
})

/** @param nvidia what nvidia-smi told of its GPUs */
export const siteOfHost = async (
  tree: Readonly<Record<string, string>>,
  engine: SiteEngine,
  nvidia: Parameters<typeof readHardware>[1] = undefined,
): Promise<Site> => {
  const { devices, cdi } = await readHardware(await makeHost(tree), nvidia)
  return siteOf({ devices, cdi, engine })
}
