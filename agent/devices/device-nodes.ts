/** The nodes that the agent makes on this machine, and what it may do of that. */
import { readFile } from 'node:fs/promises'
import { type AliasNodes, openAliasNodes } from './alias-nodes.ts'
import { withContainerDev } from './container-dev.ts'

export type DeviceNodes = {
  readonly aliases: AliasNodes
  readonly withDev: typeof withContainerDev
  /** user id and effective capabilities of this process */
  readonly access: () => Promise<{ readonly uid: number; readonly effective: bigint }>
}

export const openDeviceNodes = (device: string): DeviceNodes => ({
  aliases: openAliasNodes(device),
  withDev: withContainerDev,
  access: async () => {
    const status = await readFile('/proc/self/status', 'utf8')
    const [, hexadecimal = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? []
    return { uid: process.getuid?.() ?? -1, effective: BigInt(`0x${hexadecimal}`) }
  },
})
