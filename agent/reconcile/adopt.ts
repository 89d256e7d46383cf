/**
 * Takes over what a Compose project of the app's name left on the engine, when the operator says so: its volumes and
 * networks become the app's as they are, its containers are replaced like those of an earlier release. Pure.
 */
import type { AppRecord } from '../store/app-record.ts'
import {
  label,
  networkName,
  type Owner,
  ownerLabels,
  usedNetworkKeys,
  usedVolumeKeys,
  volumeName,
} from '../translate/engine-names.ts'
import type { Observed, ObservedContainer } from './observed.ts'

export type Adopted = NonNullable<AppRecord['adopted']>

/** An engine cannot label what exists, so the record says whose it is; to all else it looks as if it had our labels. */
export const withAdopted = (
  owner: Owner,
  record: AppRecord,
  observed: Observed,
): { readonly observed: Observed; readonly adopted: Adopted | undefined } => {
  const found = isAdopting(record) ? union(record.adopted, foundFor(owner, record, observed)) : record.adopted
  const completed = isComplete(record, observed) ? record.accepted?.deployment.generation : undefined
  const adopted = completed === undefined ? found : { networks: [], volumes: [], ...found, completed }
  if (adopted === undefined && observed.project === undefined) return { observed, adopted }
  const labels = ownerLabels(owner, record.app)
  const own = <T extends { readonly name: string; readonly labels: Readonly<Record<string, string>> }>(
    objects: readonly T[],
    names: readonly string[] = [],
  ): T[] =>
    objects.map((object) =>
      names.includes(object.name) && isNobodys(object)
        ? { ...object, labels: { ...object.labels, ...labels } }
        : object,
    )
  const containers = isAdopting(record) ? (observed.project ?? []) : []
  return {
    adopted,
    observed: {
      containers: [...observed.containers, ...containers.map((container) => asOurs(container, labels))].sort((a, b) =>
        a.name < b.name ? -1 : 1,
      ),
      networks: own(observed.networks, adopted?.networks),
      volumes: own(observed.volumes, adopted?.volumes),
    },
  }
}

/** Until the deployment that said so has succeeded and nothing of the project is left: later ones are not touched. */
export const isAdopting = ({ accepted, adopted }: AppRecord): boolean =>
  accepted !== undefined &&
  !accepted.deployment.remove &&
  accepted.deployment.adopt === true &&
  adopted?.completed !== accepted.deployment.generation

const isComplete = (record: AppRecord, observed: Observed): boolean =>
  isAdopting(record) && record.accepted?.verdict?.outcome === 'succeeded' && observed.project?.length === 0

const foundFor = (owner: Owner, { app, accepted }: AppRecord, observed: Observed): Adopted => {
  if (accepted === undefined || accepted.deployment.remove) return { networks: [], volumes: [] }
  const model = accepted.deployment.compose
  const networks = usedNetworkKeys(model)
    .filter((key) => model.networks?.[key]?.external !== true)
    .map((key) => networkName(owner, app, model, key))
  const volumes = usedVolumeKeys(model)
    .filter((key) => model.volumes?.[key]?.external !== true)
    .map((key) => volumeName(owner, app, model, key))
  const isThere = (objects: Observed['networks']) => (name: string) =>
    objects.some((object) => object.name === name && isNobodys(object))
  return { networks: networks.filter(isThere(observed.networks)), volumes: volumes.filter(isThere(observed.volumes)) }
}

const isNobodys = ({ labels }: { readonly labels: Readonly<Record<string, string>> }): boolean =>
  labels[label.agent] === undefined

const union = (a: Adopted | undefined, b: Adopted): Adopted | undefined => {
  const networks = [...new Set([...(a?.networks ?? []), ...b.networks])].sort()
  const volumes = [...new Set([...(a?.volumes ?? []), ...b.volumes])].sort()
  return networks.length + volumes.length === 0 ? a : { ...a, networks, volumes }
}

/** Of a service of the project, in the place of the number that it had there. */
const asOurs = (container: ObservedContainer, labels: Readonly<Record<string, string>>): ObservedContainer => ({
  ...container,
  service: container.labels[composeLabel.service] ?? '',
  labels: { ...container.labels, ...labels, [label.number]: container.labels[composeLabel.number] ?? '1' },
})

/** By which Compose knows its containers. */
const composeLabel = {
  service: 'com.docker.compose.service',
  number: 'com.docker.compose.container-number',
} as const
