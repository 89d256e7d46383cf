/** A container of the list of the Docker Engine API, in our own words. */
import type Docker from 'dockerode'
import type { HealthState } from '../../src/protocol/reported.ts'
import { toState } from './docker-state.ts'
import type { EngineContainer } from './engine.ts'

export const toContainer = (
  info: Docker.ContainerInfo,
  health: HealthState,
  isThere: ReturnType<typeof attachmentTest>,
): EngineContainer => ({
  id: info.Id,
  name: nameOf(info.Names),
  labels: info.Labels ?? {},
  state: toState(info.State),
  health: toState(info.State) === 'running' ? health : 'none',
  imageId: info.ImageID,
  networks: Object.entries(info.NetworkSettings?.Networks ?? {}).flatMap(([name, network]) =>
    isThere(name, network) ? [name] : [],
  ),
  anonymousVolumes: Object.fromEntries(
    (info.Mounts ?? []).flatMap(({ Type, Name, Destination }) =>
      Type === 'volume' && Name !== undefined && /^[0-9a-f]{64}$/.test(Name) ? [[Destination, Name]] : [],
    ),
  ),
})

export const nameOf = ([name = '']: readonly string[]): string => name.replace(/^\//, '')

export const toHealth = (status: string | undefined): HealthState =>
  status === 'starting' || status === 'healthy' || status === 'unhealthy' ? status : 'none'

/**
 * Whether the network that a container is attached to still exists. On Docker, one that was started is bound to the id
 * of the network: when that is gone, it does not start, whatever has the name by now. Podman gives the name as the id.
 */
export const attachmentTest = (networks: readonly Docker.NetworkInspectInfo[]) => {
  const ids = new Set(networks.map(({ Id }) => Id))
  const names = new Set(networks.map(({ Name }) => Name))
  return (name: string, { NetworkID }: Partial<Docker.NetworkInfo>): boolean =>
    NetworkID && NetworkID !== name ? ids.has(NetworkID) : names.has(name)
}
