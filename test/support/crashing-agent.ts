/**
 * The daemon as it is, killed with SIGKILL before or after the nth thing that it does to the engine or writes to its
 * store. Tells each as a line on stdout, so that a run without a kill counts them. A program, started by the tests.
 *
 *   node dist/test/crashing-agent.mjs '{"config": {...}, "crash": {"at": 3, "isAfter": true}}'
 */
import { pino } from 'pino'
import { agentConfigSchema } from '../../agent/config.ts'
import type { Engine } from '../../agent/engine/engine.ts'
import { startAgent } from '../../agent/main.ts'
import type { Store } from '../../agent/store/store.ts'

export type CrashInput = {
  readonly config: object
  readonly crash?: { readonly at: number; readonly isAfter: boolean }
}

const { config, crash } = JSON.parse(process.argv[2] ?? '{}') as CrashInput

const die = (): Promise<never> => {
  process.kill(process.pid, 'SIGKILL')
  return new Promise(() => undefined)
}

let count = 0

const point = async <T>(name: string, effect: () => Promise<T>): Promise<T> => {
  count += 1
  const isHere = count === crash?.at
  process.stdout.write(`${name}\n`)
  if (isHere && !crash.isAfter) await die()
  const result = await effect()
  if (isHere) await die()
  return result
}

const effects: readonly (keyof Engine)[] = [
  'pull',
  'createNetwork',
  'removeNetwork',
  'connectNetwork',
  'createVolume',
  'removeVolume',
  'createContainer',
  'startContainer',
  'stopContainer',
  'removeContainer',
  'renameContainer',
  'setRestart',
  'withdrawAliases',
]

const withPoints = (engine: Engine): Engine => ({
  ...engine,
  ...Object.fromEntries(
    effects.map((name) => [
      name,
      (...values: never[]) => point(name, () => (engine[name] as (...values: never[]) => Promise<unknown>)(...values)),
    ]),
  ),
})

const withWrites = (store: Store): Store => ({
  ...store,
  updateApp: (app, change) => point('write', () => store.updateApp(app, change)),
})

await startAgent(agentConfigSchema.parse(config), pino({ level: 'silent' }), { engine: withPoints, store: withWrites })
