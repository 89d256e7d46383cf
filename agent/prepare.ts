/**
 * What containers need outside of the disk when an engine starts them by itself after a reboot: the nodes that stand for
 * their devices. Needs no network and no engine. Run before either; at any other time it changes nothing.
 */
import { resolve } from 'node:path'
import type { Logger } from 'pino'
import { allot } from './allot/allot.ts'
import { heldByAliases, planAliases } from './allot/plan-aliases.ts'
import { wishesOfRecords } from './allot/wishes-of-records.ts'
import type { AgentConfig } from './config.ts'
import { openAliasNodes } from './devices/alias-nodes.ts'
import { thisHost } from './devices/host-root.ts'
import { withPathDevices } from './devices/path-devices.ts'
import { readHardware } from './devices/read-devices.ts'
import { deviceRefusal, followRefusal } from './policy/judge-device.ts'
import { openPolicySource } from './policy-source.ts'
import { openFileStore } from './store/file-store.ts'

/** @throws LongshoreError state-unusable */
export const prepare = async (
  config: Pick<AgentConfig, 'device' | 'state' | 'policy' | 'allowPrivileged'>,
  log: Logger,
  root = thisHost,
): Promise<void> => {
  const store = await openFileStore(config.state, log)
  const policy = await openPolicySource({
    file: resolve(config.policy),
    stateFolder: config.state,
    allowPrivileged: config.allowPrivileged,
    own: { folders: [], engineSockets: [] },
    log,
  })
  const aliases = openAliasNodes(config.device)
  const wishes = wishesOfRecords(store.apps())
  const [{ devices }, standing] = await Promise.all([readHardware(root), aliases.read()])
  const named = await withPathDevices(wishes, devices)
  const allotments = allot({
    wishes,
    devices: named.devices,
    held: heldByAliases(standing),
    refusal: (path) => deviceRefusal(path, policy.inForce()),
    followRefusal: (rule) => followRefusal(rule, policy.inForce()),
  })
  for (const { name, ...node } of planAliases(allotments.values(), standing).set) {
    try {
      await aliases.set(name, node)
      log.info({ name, ...node }, 'a node stands for a device')
    } catch (error) {
      // The others are none the worse for it.
      log.error({ name, ...node, err: error }, 'a node that stands for a device could not be made')
    }
  }
  for (const { missing } of allotments.values()) if (missing !== undefined) log.warn({ ...missing }, missing.message)
}
