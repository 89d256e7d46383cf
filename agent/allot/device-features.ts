/** What the agent can do about hardware on this machine, and why not. Pure. */
import type { Model } from '../../src/compose/model.ts'
import type { Reason } from '../../src/protocol/reason.ts'

export type Feature = { readonly available: boolean; readonly reason?: string }

export type DeviceFeatures = {
  /** hardware by what it is, under `x-longshore.devices` */
  readonly deviceSelectors: Feature
  /** a device that is plugged in again is back in a container that runs */
  readonly liveAttach: Feature
}

/** By their numbers in capability.h. */
const capabilities = { CAP_MKNOD: 27, CAP_SYS_PTRACE: 19 } as const

export type Access = {
  /** user id of the agent */
  readonly uid: number
  /** its effective capabilities, a bit each */
  readonly effective: bigint
  /** its /dev is one that an engine made for a container, and not that of the machine */
  readonly isDevOfContainer: boolean
  /** it is in a container with processes of its own: those of the other containers have no number there */
  readonly seesOwnProcessesOnly?: boolean
  /** of the engine; undefined: those of the machine, or not known yet */
  readonly userNamespaces?: 'remapped' | 'rootless' | undefined
}

export const deviceFeatures = (access: Access): DeviceFeatures => {
  const { uid, effective, isDevOfContainer, seesOwnProcessesOnly, userNamespaces } = access
  const missing = (Object.keys(capabilities) as (keyof typeof capabilities)[]).filter(
    (name) => (effective & (1n << BigInt(capabilities[name]))) === 0n,
  )
  const noNodes = isDevOfContainer
    ? 'the agent is in a container that has not the /dev of the device'
    : uid !== 0
      ? 'the agent does not run as root'
      : missing.includes('CAP_MKNOD')
        ? 'the agent has no CAP_MKNOD'
        : undefined
  const noAttach =
    noNodes ??
    (missing.length > 0
      ? `the agent has no ${missing.join(' and no ')}`
      : seesOwnProcessesOnly === true
        ? 'the agent is in a container that does not see the processes of the device'
        : userNamespaces === 'rootless'
          ? 'the engine runs without root'
          : userNamespaces === 'remapped'
            ? 'the engine gives containers users of their own (userns-remap)'
            : undefined)
  return { deviceSelectors: toFeature(noNodes), liveAttach: toFeature(noAttach) }
}

const toFeature = (reason: string | undefined): Feature =>
  reason === undefined ? { available: true } : { available: false, reason }

/** The first thing that a model asks of hardware and that cannot be done here. */
export const featureFault = (model: Model, { deviceSelectors, liveAttach }: DeviceFeatures): Reason | undefined => {
  for (const [name, service] of Object.entries(model.services))
    for (const [index, { onReplug }] of (service['x-longshore']?.devices ?? []).entries()) {
      const path = `compose.services.${name}.x-longshore.devices[${index}]`
      const refused = (what: string, why = ''): Reason => ({
        code: 'device-unfollowed',
        message: `service ${name} ${what}, which this device cannot give: ${why}`,
        path,
      })
      if (!deviceSelectors.available) return refused('asks for hardware by what it is', deviceSelectors.reason)
      if (onReplug !== undefined && onReplug !== 'restart' && !liveAttach.available)
        return refused(`has onReplug: ${onReplug}`, liveAttach.reason)
    }
  return undefined
}
