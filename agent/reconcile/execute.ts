/** Does what the plan says. One operation is one engine call; a failure comes back as data for the next plan. */
import { isUtf8 } from 'node:buffer'
import { LongshoreError, reasonOf } from '../../src/protocol/reason.ts'
import type { Engine } from '../engine/engine.ts'
import type { DataOutcome, ProjectFiles } from '../files/project-files.ts'
import type { ContainerSpec } from '../translate/container-spec.ts'
import { label } from '../translate/engine-names.ts'
import type { OperationResult } from './memory.ts'
import type { Operation } from './operation.ts'

type OfKind<Kind extends Operation['kind']> = Extract<Operation, { kind: Kind }>

/** All that an operation can reach. */
export type Effects = {
  readonly engine: Engine
  readonly files: ProjectFiles
  /** @throws LongshoreError secret-missing, secret-unreadable */
  readonly secretValue: (app: string, name: string, version?: string) => Promise<Uint8Array>
}

type Call<Kind extends Operation['kind']> = (
  engine: Engine,
  operation: OfKind<Kind>,
  effects: Effects,
) => Promise<unknown>

/** Exhaustive by type: a new kind of operation does not compile until it is here. */
const calls: { readonly [Kind in Operation['kind']]: Call<Kind> } = {
  'create-network': (engine, { target, spec }) => engine.createNetwork(target, spec),
  'remove-network': (engine, { id }) => engine.removeNetwork(id),
  'create-volume': (engine, { target, spec }) => engine.createVolume(target, spec),
  'remove-volume': (engine, { target }) => engine.removeVolume(target),
  'create-container': async (engine, { target, spec }, effects) =>
    engine.createContainer(
      target,
      await withSecretEnvironment(spec, spec.labels[label.app] ?? '', effects.secretValue),
    ),
  'connect-network': (engine, { id, attachment }) => engine.connectNetwork(id, attachment),
  'start-container': (engine, { id }) => engine.startContainer(id),
  'restart-container': async (engine, { id, timeoutS }) => {
    await engine.stopContainer(id, timeoutS)
    await engine.startContainer(id)
  },
  'allow-restart': (engine, { id, restart }) => engine.setRestart(id, restart),
  'withdraw-alias': (engine, { id, network }) => engine.withdrawAliases(id, network),
  'stop-container': async (engine, { id, timeoutS, forbidRestart }) => {
    if (forbidRestart) await engine.setRestart(id, { name: 'no' })
    await engine.stopContainer(id, timeoutS)
  },
  'remove-container': (engine, { id, volumes }) => engine.removeContainer(id, { volumes }),
  'rename-container': (engine, { id, name }) => engine.renameContainer(id, name),
  'place-files': (_, { app, tree }, { files, secretValue }) =>
    files.placeTree(app, tree, (name, version) => secretValue(app, name, version)),
  'change-files': (_, { app, changes }, { files }) => files.changeData(app, changes),
  'remove-files': (_, { app, trees, secretTrees }, { files }) => files.removeTrees(app, trees, secretTrees),
  'make-lock-folder': (_, { app }, { files }) => files.makeLockFolder(app),
  'remove-project': (_, { app, data }, { files }) => files.removeProject(app, { data }),
}

/** No plan holds the value of a secret: it is put in on the way to the engine. */
export const withSecretEnvironment = async (
  spec: ContainerSpec,
  app: string,
  secretValue: Effects['secretValue'],
): Promise<ContainerSpec> => {
  const values = await Promise.all(
    Object.entries(spec.secretEnvironment).map(
      async ([variable, { name, version }]) => [variable, textOf(name, await secretValue(app, name, version))] as const,
    ),
  )
  return values.length === 0 ? spec : { ...spec, environment: { ...spec.environment, ...Object.fromEntries(values) } }
}

/** Checked here, for an engine that refuses a variable may say its value, and that would be reported. */
const textOf = (name: string, value: Uint8Array): string => {
  if (!isUtf8(value) || value.includes(0))
    throw new LongshoreError('secret-unreadable', `secret ${name} is no text that a variable can hold`)
  return Buffer.from(value).toString()
}

/** Runs independent operations side by side and waits for all of them. Never rejects. */
export const executeAll = (effects: Effects, operations: readonly Operation[]): Promise<OperationResult[]> =>
  Promise.all(operations.map((operation) => execute(effects, operation)))

const execute = async (effects: Effects, operation: Operation): Promise<OperationResult> => {
  try {
    const call = calls[operation.kind] as Call<Operation['kind']>
    const outcomes = await call(effects.engine, operation as never, effects)
    return { operation, ...(operation.kind === 'change-files' ? { outcomes: outcomes as DataOutcome[] } : {}) }
  } catch (error) {
    return { operation, failure: reasonOf(error) }
  }
}
