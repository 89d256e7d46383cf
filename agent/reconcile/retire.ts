/** The steps that make a container go away; each needs the one before, and every one is read from what is observed. */
import type { Service } from '../../src/compose/model.ts'
import { stopTimeoutS } from '../translate/translate-service.ts'
import type { ObservedContainer } from './observed.ts'
import type { Operation } from './operation.ts'
import { isActive } from './service-view.ts'

/** The next step: it ends, and nothing may bring it back; it is removed. */
export const retire = (container: ObservedContainer, cause: string, model?: Service): RetireOperation =>
  isActive(container)
    ? halt(container, cause, model)
    : { kind: 'remove-container', ...commonOf(container, cause), volumes: false }

/** The next step until it has ended. It stays, with all that is in it. */
export const halt = (container: ObservedContainer, cause: string, model?: Service): RetireOperation => {
  const { state, details } = container
  const mayReturn = state !== 'paused' && details !== undefined && details.restartPolicy !== 'no'
  const common = commonOf(container, cause)
  return { kind: 'stop-container', ...common, timeoutS: stopTimeoutS(model ?? {}), forbidRestart: mayReturn }
}

/**
 * The same for one that its successor runs beside already: first nobody finds it any more by the name of the service,
 * so that no new request reaches it while it ends.
 */
export const retireBeside = (container: ObservedContainer, cause: string, model?: Service): RetireOperation => {
  const network = Object.entries(container.details?.aliases ?? {}).find(([, aliases]) =>
    aliases.includes(container.service),
  )?.[0]
  return isActive(container) && network !== undefined
    ? { kind: 'withdraw-alias', ...commonOf(container, cause), network }
    : retire(container, cause, model)
}

type RetireOperation = Extract<Operation, { kind: 'stop-container' | 'remove-container' | 'withdraw-alias' }>

const commonOf = ({ id, name, service }: ObservedContainer, cause: string) => ({ target: name, service, id, cause })
