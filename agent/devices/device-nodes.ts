/** The nodes that the agent makes on this machine, and what it may do of that. */
import { existsSync, readFileSync, readlinkSync } from 'node:fs'
import type { Access } from '../allot/device-features.ts'
import { type AliasNodes, openAliasNodes } from './alias-nodes.ts'
import { withContainerDev } from './container-dev.ts'

export type DeviceNodes = {
  readonly aliases: AliasNodes
  readonly withDev: typeof withContainerDev
  /** of this process; nothing of it changes while it runs */
  readonly access: Omit<Access, 'userNamespaces'>
}

export const openDeviceNodes = (device: string): DeviceNodes => ({
  aliases: openAliasNodes(device),
  withDev: withContainerDev,
  access: readAccess(),
})

/** That of the machine has this number on every Linux (PROC_PID_INIT_INO). */
const firstPidNamespace = 'pid:[4026531836]'

const readAccess = (): DeviceNodes['access'] => {
  const [, hexadecimal = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  // Docker and Podman each leave a mark. A machine of which only the processes are apart (LXC) has its engine inside.
  const isInContainer = ['/.dockerenv', '/run/.containerenv'].some((mark) => existsSync(mark))
  return {
    uid: process.getuid?.() ?? -1,
    effective: BigInt(`0x${hexadecimal}`),
    seesOwnProcessesOnly: isInContainer && readlinkSync('/proc/self/ns/pid') !== firstPidNamespace,
    isDevOfContainer: isInContainer && !isDevOfMachine(readFileSync('/proc/self/mountinfo', 'utf8')),
  }
}

/** @param mounts as proc(5) has them: the mount point is the fifth word, the kind of file system comes after a dash */
export const isDevOfMachine = (mounts: string): boolean =>
  mounts.split('\n').some((line) => line.split(' ')[4] === '/dev' && line.includes(' - devtmpfs '))
