/** Does what the plan says. One operation is one engine call; a failure comes back as data for the next plan. */
import { reasonOf } from '../../src/protocol/reason.ts'
import type { Engine } from '../engine/engine.ts'
import type { OperationResult } from './memory.ts'
import type { Operation } from './operation.ts'

type OfKind<Kind extends Operation['kind']> = Extract<Operation, { kind: Kind }>

/** Exhaustive by type: a new kind of operation does not compile until it is here. */
const calls: { readonly [Kind in Operation['kind']]: (engine: Engine, operation: OfKind<Kind>) => Promise<void> } = {
  'create-network': (engine, { target, labels }) => engine.createNetwork(target, labels),
  'remove-network': (engine, { id }) => engine.removeNetwork(id),
  'create-volume': (engine, { target, labels }) => engine.createVolume(target, labels),
  'remove-volume': (engine, { target }) => engine.removeVolume(target),
  'create-container': (engine, { target, spec }) => engine.createContainer(target, spec),
  'connect-network': (engine, { id, network, aliases }) => engine.connectNetwork(id, network, aliases),
  'start-container': (engine, { id }) => engine.startContainer(id),
  'forbid-restart': (engine, { id }) => engine.forbidRestart(id),
  'stop-container': (engine, { id, timeoutS }) => engine.stopContainer(id, timeoutS),
  'remove-container': (engine, { id, volumes }) => engine.removeContainer(id, { volumes }),
  'rename-container': (engine, { id, name }) => engine.renameContainer(id, name),
}

/** Runs independent operations side by side and waits for all of them. Never rejects. */
export const executeAll = (engine: Engine, operations: readonly Operation[]): Promise<OperationResult[]> =>
  Promise.all(operations.map((operation) => execute(engine, operation)))

const execute = async (engine: Engine, operation: Operation): Promise<OperationResult> => {
  try {
    const call = calls[operation.kind] as (engine: Engine, operation: Operation) => Promise<void>
    await call(engine, operation)
    return { operation }
  } catch (error) {
    return { operation, failure: reasonOf(error) }
  }
}
