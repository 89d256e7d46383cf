/** Networks and volumes of an app: made before its containers; somebody else's object of that name is never touched. */
import type { Model } from '../../src/compose/model.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import type { NamedObject } from '../engine/engine.ts'
import {
  label,
  networkName,
  type Owner,
  ownerLabels,
  usedNetworkKeys,
  usedVolumeKeys,
  volumeName,
} from '../translate/engine-names.ts'
import type { Draft } from './draft.ts'
import type { Observed } from './observed.ts'

/** Proposes what is missing. True: everything is there. */
export const planResources = (draft: Draft, owner: Owner, app: string, model: Model, observed: Observed): boolean => {
  const labels = ownerLabels(owner, app)
  let isComplete = true
  const need = (kind: 'network' | 'volume', name: string, existing: readonly NamedObject[]): void => {
    if (existing.some((object) => object.name === name && isOurs(owner, app, object))) return
    isComplete = false
    const other = existing.find((object) => object.name === name)
    if (other !== undefined) draft.wait(foreignReason(kind, other))
    else draft.propose({ kind: `create-${kind}`, target: name, labels, cause: `the app uses ${kind} ${name}` })
  }
  for (const key of usedNetworkKeys(model)) need('network', networkName(owner, app, model, key), observed.networks)
  for (const key of usedVolumeKeys(model)) need('volume', volumeName(owner, app, model, key), observed.volumes)
  return isComplete
}

export const isOurs = (owner: Owner, app: string, object: Pick<NamedObject, 'labels'>): boolean =>
  object.labels[label.agent] === owner.agent && object.labels[label.app] === app

/** Networks that an earlier release of the app used and this one does not. */
export const staleNetworks = (owner: Owner, app: string, model: Model, observed: Observed): readonly NamedObject[] => {
  const used = new Set(usedNetworkKeys(model).map((key) => networkName(owner, app, model, key)))
  return observed.networks.filter((network) => isOurs(owner, app, network) && !used.has(network.name))
}

const foreignReason = (kind: string, object: NamedObject): Reason => {
  const agent = object.labels[label.agent]
  return agent === undefined
    ? { code: 'name-in-use', message: `${kind} ${object.name} exists and is not of Longshore` }
    : {
        code: 'name-taken',
        message: `${kind} ${object.name} belongs to app ${object.labels[label.app] ?? '?'} of agent ${agent}`,
      }
}
