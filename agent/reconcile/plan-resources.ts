/**
 * Networks and volumes of an app: made before its containers, or, if external, waited for. Somebody else's object of
 * that name is never touched, and neither is a volume whose definition changed: its data cannot be made anew.
 */
import type { Model } from '../../src/compose/model.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import type { NamedObject } from '../engine/engine.ts'
import {
  label,
  networkName,
  type Owner,
  usedNetworkKeys,
  usedVolumeKeys,
  volumeName,
} from '../translate/engine-names.ts'
import {
  networkDefinitionDigest,
  translateNetwork,
  translateVolume,
  volumeDefinitionDigest,
} from '../translate/network-spec.ts'
import type { Draft } from './draft.ts'
import type { Observed } from './observed.ts'

/** Proposes what is missing. True: everything is there. */
export const planResources = (draft: Draft, owner: Owner, app: string, model: Model, observed: Observed): boolean => {
  const changedVolumes = usedVolumeKeys(model).filter((key) => isVolumeChanged(owner, app, model, key, observed))
  for (const key of changedVolumes) draft.wait(changedReason(key, volumeName(owner, app, model, key)))
  if (changedVolumes.length > 0) return false

  let isComplete = true
  /** undefined: there is one to be used. */
  const lack = (
    kind: 'network' | 'volume',
    name: string,
    isExternal: boolean,
    existing: readonly NamedObject[],
  ): string | undefined => {
    const named = existing.filter((object) => object.name === name)
    const found = named.find((object) => isOurs(owner, app, object)) ?? named[0]
    if (found !== undefined && (isExternal || isOurs(owner, app, found))) return undefined
    isComplete = false
    if (found !== undefined) draft.wait(foreignReason(kind, found))
    else if (isExternal) draft.wait(missingReason(kind, name))
    else return `the app uses ${kind} ${name}`
    return undefined
  }
  for (const key of usedNetworkKeys(model)) {
    const target = networkName(owner, app, model, key)
    const cause = lack('network', target, model.networks?.[key]?.external === true, observed.networks)
    if (cause !== undefined)
      draft.propose({ kind: 'create-network', target, spec: translateNetwork(owner, app, model, key), cause })
  }
  for (const key of usedVolumeKeys(model)) {
    const target = volumeName(owner, app, model, key)
    const cause = lack('volume', target, model.volumes?.[key]?.external === true, observed.volumes)
    if (cause !== undefined)
      draft.propose({ kind: 'create-volume', target, spec: translateVolume(owner, app, model, key), cause })
  }
  return isComplete
}

export const isOurs = (owner: Owner, app: string, object: Pick<NamedObject, 'labels'>): boolean =>
  object.labels[label.agent] === owner.agent && object.labels[label.app] === app

/** What the app made once and has declared external since: it is no longer the app's to remove. */
export const externalNames = (model: Model | undefined): ReadonlySet<string> =>
  new Set(
    [model?.networks ?? {}, model?.volumes ?? {}].flatMap((definitions) =>
      Object.entries(definitions).flatMap(([key, { external, name }]) => (external === true ? [name ?? key] : [])),
    ),
  )

/** Networks that an earlier release of the app used and this one does not. */
export const staleNetworks = (owner: Owner, app: string, model: Model, observed: Observed): readonly NamedObject[] => {
  const used = new Set(usedNetworkKeys(model).map((key) => networkName(owner, app, model, key)))
  return observed.networks.filter((network) => isOurs(owner, app, network) && !used.has(network.name))
}

/** Networks that the app made and now defines otherwise. One without a digest is of an older agent, and left alone. */
export const changedNetworks = (owner: Owner, app: string, model: Model, observed: Observed): readonly NamedObject[] =>
  usedNetworkKeys(model).flatMap((key) => {
    if (model.networks?.[key]?.external === true) return []
    const name = networkName(owner, app, model, key)
    const network = observed.networks.find((object) => object.name === name && isOurs(owner, app, object))
    return network !== undefined && isOtherwise(network, networkDefinitionDigest(model, key)) ? [network] : []
  })

const isVolumeChanged = (owner: Owner, app: string, model: Model, key: string, observed: Observed): boolean => {
  if (model.volumes?.[key]?.external === true) return false
  const name = volumeName(owner, app, model, key)
  const volume = observed.volumes.find((object) => object.name === name && isOurs(owner, app, object))
  return volume !== undefined && isOtherwise(volume, volumeDefinitionDigest(model, key))
}

const isOtherwise = ({ labels }: NamedObject, digest: string): boolean =>
  labels[label.definition] !== undefined && labels[label.definition] !== digest

const foreignReason = (kind: string, object: NamedObject): Reason => {
  const agent = object.labels[label.agent]
  return agent === undefined
    ? { code: 'name-in-use', message: `${kind} ${object.name} exists and is not of Longshore` }
    : {
        code: 'name-taken',
        message: `${kind} ${object.name} belongs to app ${object.labels[label.app] ?? '?'} of agent ${agent}`,
      }
}

const missingReason = (kind: 'network' | 'volume', name: string): Reason => ({
  code: `${kind}-missing`,
  message: `external ${kind} ${name} is not on the device`,
})

const changedReason = (key: string, name: string): Reason => ({
  code: 'volume-changed',
  message: `volume ${name} is on the device with another definition, and is not made anew: it holds data`,
  path: `volumes.${key}`,
})
