/** All hardware of a machine that can be given to containers, as it is now. */
import { type HostDevice, hostDeviceClasses } from '../../src/protocol/host-device.ts'
import { readCdiNames } from './cdi-names.ts'
import { type Found, openHost } from './describe-device.ts'
import { findByClass } from './find-by-class.ts'
import { type Disk, findDisks } from './find-disks.ts'
import { findGpus } from './find-gpus.ts'
import { findJetson, isOfJetson } from './find-jetson.ts'
import { findCan, findNetworkInterfaces, type NetworkInterface } from './find-network.ts'
import { findNpus } from './find-npus.ts'
import { findNvidiaGpus, nvidiaIdentity } from './find-nvidia.ts'
import { findSerialPorts } from './find-serial.ts'
import { findSoundCards } from './find-sound.ts'
import { findUsb } from './find-usb.ts'
import { byNumber, openHostFiles } from './host-files.ts'
import type { HostRoot } from './host-root.ts'
import { type NvidiaFacts, noNvidiaFacts } from './nvidia-smi.ts'

export type Hardware = {
  /** by class, then by name */
  readonly devices: readonly HostDevice[]
  /** names of the Container Device Interface */
  readonly cdi: readonly string[]
  readonly networkInterfaces: readonly NetworkInterface[]
  readonly disks: readonly Disk[]
  /** what takes GPUs of NVIDIA into containers is installed */
  readonly hasNvidiaToolkit?: true
}

/** What only programs of a maker tell, as far as it is known. */
export type MakerFacts = { readonly nvidia: (identity: string | undefined) => NvidiaFacts }

/** Never rejects: what cannot be read is not there. */
export const readHardware = async (
  root: HostRoot,
  maker: MakerFacts = { nvidia: () => noNvidiaFacts },
): Promise<Hardware> => {
  const files = openHostFiles(root)
  const host = await openHost(files)
  const [serial, plain, sound, can, npus, graphics, cdi, networkInterfaces, disks, identity, toolkit] =
    await Promise.all([
      findSerialPorts(host),
      findByClass(host),
      findSoundCards(host),
      findCan(host),
      findNpus(host),
      findGpus(host),
      readCdiNames(files),
      findNetworkInterfaces(host),
      findDisks(files),
      nvidiaIdentity(files),
      files.gid('/etc/nvidia-container-runtime/config.toml'),
    ])
  const nvidia = await findNvidiaGpus(host, graphics, maker.nvidia(identity))
  const jetson = await findJetson(host, graphics)
  const cards = graphics.filter(
    (found) => !nvidia.some(({ pciSlot }) => pciSlot === found.pciSlot) && !(jetson.length > 0 && isOfJetson(found)),
  )
  const others = [...serial, ...plain, ...sound, ...can, ...npus, ...cards, ...nvidia, ...jetson]
  const found: readonly Found[] = [...others, ...(await findUsb(host, others))]
  return {
    devices: found.map(({ device }) => device).sort(byClassAndName),
    ...{ cdi, networkInterfaces, disks },
    ...(toolkit === undefined ? {} : { hasNvidiaToolkit: true as const }),
  }
}

export const discover = async (root: HostRoot, maker?: MakerFacts): Promise<readonly HostDevice[]> =>
  (await readHardware(root, maker)).devices

const ranks = new Map<string, number>(hostDeviceClasses.map((name, rank) => [name, rank]))

const byClassAndName = (one: HostDevice, other: HostDevice): number =>
  (ranks.get(one.class) ?? ranks.size) - (ranks.get(other.class) ?? ranks.size) || byNumber(one.name, other.name)
