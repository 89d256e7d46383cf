/** Processors for neural networks, each with a driver of its own kind. */
import { describeDevice, type Found, type Host } from './describe-device.ts'
import { busFacts, entriesOf } from './sysfs-device.ts'

const folders = ['/sys/class/apex', '/sys/class/hailo_chardev', '/sys/class/accel', '/sys/class/misc'] as const

/** Some drivers are not upstream, and name their nodes among those of everything else. */
const namesAmongOthers = /^rknpu/

/** By vendor and device of the PCI card, or by driver. */
const models: Readonly<Record<string, string>> = {
  '1ac1:089a': 'Google Coral Edge TPU',
  '1e60:2864': 'Hailo-8',
  '1e60:45c4': 'Hailo-10H',
  intel_vpu: 'Intel NPU',
  amdxdna: 'AMD XDNA NPU',
  rknpu: 'Rockchip NPU',
}

export const findNpus = async (host: Host): Promise<readonly Found[]> => {
  const entries = await Promise.all(
    folders.map(async (folder) =>
      (await entriesOf(host.files, folder)).filter(
        ({ name }) => folder !== '/sys/class/misc' || namesAmongOthers.test(name),
      ),
    ),
  )
  return Promise.all(
    entries.flat().map(async ({ name, path }) => {
      const { pci, driver } = await busFacts(host.files, path)
      return describeDevice(host, { class: 'npu', name, model: npuModel(pci, driver) }, path)
    }),
  )
}

export const npuModel = (pci: string | undefined, driver: string | undefined): string | undefined =>
  models[pci ?? ''] ?? models[driver?.toLowerCase() ?? '']
