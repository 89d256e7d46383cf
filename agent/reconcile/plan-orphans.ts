/** What an older release left: it goes when the new one has proved itself, or when it stands in its way. */
import { doClash, hostPortsOf } from '../../src/compose/host-ports.ts'
import { replicasOf, type Service } from '../../src/compose/model.ts'
import { type Allotment, deviceKey } from '../allot/allot.ts'
import { madeFor, wishesOfContainer } from '../allot/container-devices.ts'
import { label } from '../translate/engine-names.ts'
import { projectMounts } from '../translate/project-mounts.ts'
import type { Draft } from './draft.ts'
import type { ObservedContainer } from './observed.ts'
import { staleNetworks } from './plan-resources.ts'
import { retire } from './retire.ts'
import { isGood, numberOf, type ServiceView } from './service-view.ts'
import type { ServicesInput } from './services-input.ts'

/** Containers of services that the release no longer has, then its networks, then its files. */
export const planOrphans = (draft: Draft, input: ServicesInput): void => {
  const verdict = input.record.accepted?.verdict
  if (verdict === undefined) return
  // A release that failed and came up after all has taken the place of the one before as well.
  if (verdict.outcome !== 'succeeded' && ![...input.views.values()].every(isGood)) return
  const orphans = orphansOf(input)
  const before = input.record.lastGood?.compose.services
  for (const orphan of orphans)
    draft.propose(retire(orphan, `service ${orphan.service} is no part of the release`, before?.[orphan.service]))
  if (orphans.length > 0 || ![...input.views.values()].every((view) => view.others.length === 0)) return
  for (const { id, name } of staleNetworks(input.owner, input.app, input.deployment.compose, input.observed))
    draft.propose({ kind: 'remove-network', target: name, id, cause: 'no service of the release uses it' })
  const used = new Set(
    Object.values(input.deployment.compose.services).flatMap((service) =>
      projectMounts(input.release, service).flatMap((mount) => (mount.kind === 'tree' ? [mount.tree.digest] : [])),
    ),
  )
  const [trees, secretTrees] = [input.files.trees, input.files.secretTrees].map((digests) =>
    digests.filter((digest) => !used.has(digest)),
  ) as [string[], string[]]
  if (trees.length > 0 || secretTrees.length > 0)
    draft.propose({
      kind: 'remove-files',
      target: `files of app ${input.app}`,
      app: input.app,
      trees,
      secretTrees,
      cause: 'no service of the release mounts them',
    })
}

/** Those that hold what a service needs for itself, be it a host port, a name or a volume: they go before it starts. */
export const orphansInTheWay = (view: ServiceView, input: ServicesInput): ObservedContainer[] => {
  const before = input.record.lastGood?.compose.services
  const ports = Object.values(input.deployment.compose.services).flatMap(hostPortsOf)
  const wantedDevices = new Set(givenKeys(view.devices.allotments))
  return orphansOf(input).filter((orphan) => {
    const service = before?.[orphan.service]
    return (
      service === undefined ||
      orphan.name === view.containerName ||
      devicesOf(orphan, input).some((key) => wantedDevices.has(key)) ||
      hostPortsOf(service).some((held) => ports.some((port) => doClash(held, port))) ||
      isSuccessor(view.service, service)
    )
  })
}

/** What a container of another service has of the hardware, by the numbers of the nodes. */
const devicesOf = (orphan: ObservedContainer, { app, observed }: ServicesInput): string[] => {
  const place = { app, service: orphan.service, number: numberOf(orphan) }
  const wishes = wishesOfContainer(place, madeFor(orphan.labels[label.devices]), true)
  return givenKeys(wishes.flatMap(({ id }) => observed.hardware?.allotments.get(id) ?? []))
}

const givenKeys = (allotments: readonly Allotment[]): string[] =>
  allotments.flatMap(({ given }) => given.flatMap((device) => (device === undefined ? [] : [deviceKey(device)])))

/**
 * Whether a service, as after a renaming, takes over what another had: a volume that both write, as two databases must
 * not at one time, a device, an address, or the network of the host with the ports that it listens on.
 */
const isSuccessor = (service: Service, before: Service): boolean => {
  const held = new Set(heldAlone(before))
  return heldAlone(service).some((one) => held.has(one))
}

const heldAlone = ({ volumes = [], devices = [], networks = {}, network_mode: mode }: Service): string[] => [
  ...volumes.flatMap((mount) =>
    mount.type === 'volume' && mount.source !== undefined && mount.read_only !== true ? [`volume ${mount.source}`] : [],
  ),
  ...devices.map(({ source }) => `device ${source}`),
  ...Object.values(networks).flatMap((network) =>
    [network?.ipv4_address, network?.ipv6_address].flatMap((address) => (address === undefined ? [] : [address])),
  ),
  ...(mode === 'host' ? ['host'] : []),
]

const orphansOf = ({ observed, deployment }: ServicesInput): ObservedContainer[] =>
  observed.containers.filter((container) => {
    const service = deployment.compose.services[container.service]
    return service === undefined || numberOf(container) > replicasOf(service)
  })
