/**
 * Networks that the release defines otherwise than they were made. No two can have one name or one subnet, so what is
 * on such a network stops before anything new can be made; until then nothing is touched for it.
 *
 *   what runs on it stopped, dependents first → network removed → made anew (plan-resources.ts) → services swapped
 *
 * Stopped containers stay until they are replaced: their anonymous volumes are carried over from them.
 */
import { startsAfter } from '../../src/compose/check.ts'
import type { Service } from '../../src/compose/model.ts'
import type { NamedObject } from '../engine/engine.ts'
import type { AcceptedAssignment, AppRecord } from '../store/app-record.ts'
import { label } from '../translate/engine-names.ts'
import type { Draft } from './draft.ts'
import type { Observed, ObservedContainer } from './observed.ts'
import { retire } from './retire.ts'
import { isActive } from './service-view.ts'

export type RenewalInput = {
  readonly deployment: AcceptedAssignment
  readonly record: AppRecord
  readonly observed: Observed
}

export const planRenewal = (draft: Draft, changed: readonly NamedObject[], input: RenewalInput): void => {
  const names = new Set(changed.map(({ name }) => name))
  const { containers } = input.observed
  const attached = new Set(
    containers.flatMap(({ id, networks }) => (networks.some((name) => names.has(name)) ? [id] : [])),
  )
  const running = containers.filter(
    (container) =>
      isActive(container) && (attached.has(container.id) || joinedIds(container).some((id) => attached.has(id))),
  )
  const services = { ...input.deployment.compose.services, ...input.record.lastGood?.compose.services }
  for (const container of withoutDependents(running, services))
    draft.propose(retire(container, `the definition of ${listed(names)} changed`, services[container.service]))
  if (running.length > 0) return
  for (const { id, name } of changed)
    draft.propose({ kind: 'remove-network', target: name, id, cause: 'its definition changed' })
}

const joinedIds = ({ labels }: ObservedContainer): string[] => (labels[label.joined] ?? '').split(' ')

const listed = (names: ReadonlySet<string>): string =>
  `${names.size === 1 ? 'network' : 'networks'} ${[...names].join(', ')}`

/** Those that none of the others needs: they can stop now. */
export const withoutDependents = (
  containers: readonly ObservedContainer[],
  services: Readonly<Record<string, Service>>,
): ObservedContainer[] => {
  const active = new Set(containers.filter(isActive).map(({ service }) => service))
  const isNeeded = (name: string): boolean =>
    [...active].some((other) => {
      const service = services[other]
      return other !== name && service !== undefined && startsAfter(service).includes(name)
    })
  return containers.filter((container) => !isActive(container) || !isNeeded(container.service))
}
