/** The GPU of a Jetson, which is a part of its processor: known by the board, not by a card. */
import { defined } from '../../src/defined.ts'
import { type Found, type Host, someOf } from './describe-device.ts'
import type { HostFiles } from './host-files.ts'

/** JetPack 6 keeps the nodes of the GPU in a folder, earlier ones beside everything else. */
const gpuFolder = '/dev/nvgpu/igpu0'
const namesOfNodes = /^(nvhost-|nvmap$|nvsciipc$)/

/** @param others what was found under /dev/dri: the display of the same processor */
export const findJetson = async (host: Host, others: readonly Found[]): Promise<readonly Found[]> => {
  const { files } = host
  const compatible = (await files.text('/proc/device-tree/compatible')) ?? ''
  const release = await files.line('/etc/nv_tegra_release')
  if (!/\bnvidia,tegra/.test(compatible) && release === undefined) return []
  const [top, folder, model] = await Promise.all([
    files.names('/dev'),
    files.names(gpuFolder),
    files.line('/proc/device-tree/model'),
  ])
  const nodes = [
    ...folder.map((name) => `${gpuFolder}/${name}`),
    ...top.filter((name) => namesOfNodes.test(name)).map((name) => `/dev/${name}`),
    ...others.filter(isOfJetson).flatMap(({ device }) => device.gpu?.nodes ?? []),
  ]
  const node = nodes.find((path) => path === '/dev/nvhost-gpu' || path === `${gpuFolder}/ctrl`)
  const gid = node === undefined ? undefined : await files.gid(node)
  return [
    {
      device: defined({
        class: 'gpu',
        name: 'igpu0',
        ...(gid === undefined ? {} : defined({ node, gid, group: host.groups.get(gid) })),
        driver: await driverOf(files, folder.length > 0),
        model,
        gpu: defined({ vendor: 'nvidia-jetson', driverVersion: tegraRelease(release ?? ''), nodes: someOf(nodes) }),
      }),
    },
  ]
}

/** A node of the display stands for the GPU of the board, and is not listed beside it. */
export const isOfJetson = ({ device, pciSlot }: Found): boolean =>
  device.class === 'gpu' && pciSlot === undefined && /^(tegra|nvidia|nvgpu|host1x)/.test(device.driver ?? '')

const driverOf = async (files: HostFiles, hasFolder: boolean): Promise<string | undefined> =>
  hasFolder || (await files.names('/sys/module/nvgpu')).length > 0 ? 'nvgpu' : undefined

/** `# R35 (release), REVISION: 4.1, GCID: …` is 35.4.1. */
const tegraRelease = (line: string): string | undefined => {
  const [, major, minor] = /^# R(\d+) \(release\), REVISION: ([\d.]+)/.exec(line) ?? []
  return major === undefined || minor === undefined ? undefined : `${major}.${minor}`
}
