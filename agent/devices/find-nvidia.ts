/** NVIDIA GPUs with the driver of the maker, which keeps outside of what the kernel knows of graphics; Jetson apart. */
import { defined } from '../../src/defined.ts'
import type { Found, Host } from './describe-device.ts'
import { someOf } from './describe-device.ts'
import { isGpuOfSlot, renderNodesOf } from './find-gpus.ts'
import type { HostFiles } from './host-files.ts'
import type { NvidiaFacts } from './nvidia-smi.ts'

const folder = '/proc/driver/nvidia/gpus'

/** Needed beside the node of the GPU itself. */
const sharedNodes = ['/dev/nvidiactl', '/dev/nvidia-uvm', '/dev/nvidia-uvm-tools', '/dev/nvidia-modeset'] as const

/**
 * @param others what was found under /dev/dri: a card that stands there too is one GPU
 * @param facts what nvidia-smi told, as far as it has
 */
export const findNvidiaGpus = async (
  host: Host,
  others: readonly Found[],
  facts: NvidiaFacts,
): Promise<readonly Found[]> => {
  const { files } = host
  const slots = await files.names(folder)
  if (slots.length === 0) return []
  const [devices, driverVersion, shared] = await Promise.all([
    files.text('/proc/devices'),
    readDriverVersion(files),
    Promise.all(sharedNodes.map(async (node) => ((await files.gid(node)) === undefined ? [] : [node]))),
  ])
  const major = nvidiaMajor(devices ?? '')
  const found = await Promise.all(
    slots.map(async (slot): Promise<Found[]> => {
      const information = parseInformation((await files.text(`${folder}/${slot}/information`)) ?? '')
      const minor = information['Device Minor']
      if (minor === undefined || !/^\d{1,5}$/.test(minor)) return []
      const node = `/dev/nvidia${minor}`
      const gid = await files.gid(node)
      const graphics = others.find((other) => isGpuOfSlot(other, slot))
      const uuid = information['GPU UUID']
      const told = facts.gpus.find((gpu) => gpu.uuid === uuid)
      const gpu = defined({
        vendor: 'nvidia',
        // Before the GPU is used first, the driver shows question marks.
        uuid: uuid?.includes('?') ? undefined : uuid,
        memoryBytes: told?.memoryBytes,
        driverVersion: driverVersion ?? told?.driverVersion,
        cudaVersion: facts.cudaVersion,
        computeCapability: told?.computeCapability,
        nodes: someOf([...(gid === undefined ? [] : [node]), ...shared.flat(), ...renderNodesOf(graphics)]),
      })
      return [
        {
          pciSlot: slot,
          ...defined({ path: graphics?.path }),
          device: defined({
            class: 'gpu',
            name: `nvidia${minor}`,
            ...(gid === undefined ? {} : { node, gid, group: host.groups.get(gid) }),
            major,
            minor: Number(minor),
            pci: graphics?.device.pci,
            byPath: graphics?.device.byPath,
            driver: 'nvidia',
            model: told?.model ?? information.Model,
            gpu,
          }),
        },
      ]
    }),
  )
  return found.flat()
}

/** What says that the driver is there and which GPUs it has: as long as it is the same, nvidia-smi would tell the same. */
export const nvidiaIdentity = async (files: HostFiles): Promise<string | undefined> => {
  const slots = await files.names(folder)
  if (slots.length === 0) return undefined
  return [...slots, await readDriverVersion(files)].join(' ')
}

/** As 535.183.01. */
const readDriverVersion = async (files: HostFiles): Promise<string | undefined> =>
  /^NVRM version:.*?\s(\d+\.\d+(?:\.\d+)?)\s/m.exec((await files.text('/proc/driver/nvidia/version')) ?? '')?.[1]

/** Also of older drivers, whose name there is longer. */
const nvidiaMajor = (devices: string): number | undefined => {
  const number = /^\s*(\d{1,5}) nvidia(-frontend)?$/m.exec(devices)?.[1]
  return number === undefined ? undefined : Number(number)
}

const parseInformation = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    text.split('\n').flatMap((line) => {
      const at = line.indexOf(':')
      return at <= 0
        ? []
        : [
            [
              line.slice(0, at).trim(),
              line
                .slice(at + 1)
                .trim()
                .slice(0, 200),
            ],
          ]
    }),
  )
