/** What an engine can do: by the API version that brought it, or by the name of the engine. */
import { LongshoreError } from '../../src/protocol/reason.ts'
import type { ContainerSpec } from '../translate/container-spec.ts'
import type { NetworkSpec } from '../translate/network-spec.ts'

const learnedAt = {
  /** without it, a healthcheck has its usual interval from the start */
  startInterval: '1.44',
  /** a hardware address on another network than the first */
  macAddressOfAttachment: '1.44',
  volumeSubpath: '1.45',
  networkWithoutIpv4: '1.47',
} as const

export type Ability = keyof typeof learnedAt

export const isAble = (apiVersion: string, ability: Ability): boolean => {
  const [major = 0, minor = 0] = apiVersion.split('.').map(Number)
  const [neededMajor = 0, neededMinor = 0] = learnedAt[ability].split('.').map(Number)
  return major > neededMajor || (major === neededMajor && minor >= neededMinor)
}

/** An older engine would pass over the field without a word, and what runs would not be what was asked for. */
export const requireAble = (apiVersion: string, ability: Ability, doing: string, what: string): void => {
  if (!isAble(apiVersion, ability))
    throw new LongshoreError(
      'engine-error',
      `${doing}: ${what} needs an engine with API ${learnedAt[ability]}, and this one has ${apiVersion}`,
    )
}

export const requireAbleToCreate = (apiVersion: string, spec: ContainerSpec, doing: string): void => {
  if (spec.mounts.some((mount) => mount.type === 'volume' && mount.subpath !== undefined))
    requireAble(apiVersion, 'volumeSubpath', doing, 'volume.subpath')
  const others = spec.networking.kind === 'attached' ? spec.networking.attachments.slice(1) : []
  if (others.some(({ macAddress }) => macAddress !== undefined))
    requireAble(apiVersion, 'macAddressOfAttachment', doing, 'mac_address on more than the first network')
}

export const requireAbleToCreateNetwork = (apiVersion: string, spec: NetworkSpec, doing: string): void => {
  if (!spec.hasIpv4) requireAble(apiVersion, 'networkWithoutIpv4', doing, 'enable_ipv4: false')
}

export type HealthcheckRunner = 'engine' | 'systemd'

/** Podman leaves its healthchecks to timers of systemd, and runs none where there is no systemd. */
export const healthcheckRunner = (engineName: string): HealthcheckRunner =>
  engineName === 'podman' ? 'systemd' : 'engine'
