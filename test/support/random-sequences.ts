/** Any order of deployments, deaths, failures, crashes and what operators ask ends as wanted. No broker; see `simulated-device.ts`. */
import fc from 'fast-check'
import { expect, vi } from 'vitest'
import type { CallKind } from '../../agent/engine/simulated.ts'
import type { AcceptedAssignment } from '../../agent/store/app-record.ts'
import { label } from '../../agent/translate/engine-names.ts'
import { isData, projectMounts } from '../../agent/translate/project-mounts.ts'
import type { Model, Mount, Service } from '../../src/compose/model.ts'
import { isUnder } from '../../src/compose/project-path.ts'
import { calm, expectNoDoubles, live } from './convergence.ts'
import { type SimulatedDevice, simulatedDevice } from './simulated-device.ts'

const fakeTimers = () => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })

const service = (changes: Partial<Service> = {}): Service => ({
  image: 'web:1',
  deploy: { update_config: { monitor: '0s' } },
  ...changes,
})
const after = (other: string, condition: 'service_started' | 'service_healthy' | 'service_completed_successfully') => ({
  depends_on: { [other]: { condition } },
})
const port = { ports: [{ target: 80, published: 80, protocol: 'tcp' as const }] }
const bind = (source: string, readOnly = false): Mount => ({
  type: 'bind',
  source,
  target: `/mnt/${source.replaceAll(/\W/g, '-')}`,
  ...(readOnly ? { read_only: true } : {}),
})
const data = { volumes: [{ type: 'volume' as const, source: 'data', target: '/data' }] }

type Body = Pick<Model, 'services' | 'networks' | 'volumes' | 'configs' | 'secrets'>

const models: readonly Body[] = [
  { services: { web: service() } },
  { services: { web: service({ environment: { A: '1' } }), db: service({ image: 'db:1' }) } },
  {
    services: {
      web: service(after('db', 'service_healthy')),
      db: service({ image: 'db:2', healthcheck: { test: ['CMD', 'true'] }, ...data }),
    },
    volumes: { data: {} },
  },
  { services: { web: service(after('job', 'service_completed_successfully')), job: service({ restart: 'no' }) } },
  { services: { app: service({ network_mode: 'service:vpn' }), vpn: service() } },
  { services: { app: service({ network_mode: 'service:vpn' }), vpn: service({ environment: { B: '1' } }) } },
  {
    services: {
      app: service({ network_mode: 'service:vpn', pid: 'service:db', volumes_from: ['vpn'] }),
      vpn: service(),
      db: service({ environment: { C: '1' } }),
    },
  },
  { services: { api: service({ links: ['web:www'] }), web: service() } },
  { services: { proxy: service(port), web: service({ deploy: { update_config: { monitor: '5s' } } }) } },
  { services: { gate: service({ ...port, networks: { back: {}, front: {} } }) }, networks: { back: {}, front: {} } },
  {
    services: { gate: service({ ...port, networks: { back: { priority: 1 }, front: {} } }), db: service() },
    networks: { back: { internal: true }, front: {} },
  },
  {
    services: { app: service({ network_mode: 'service:vpn' }), vpn: service() },
    networks: { default: { internal: true } },
  },
  {
    services: {
      web: service({
        labels: { overlap: 'yes' },
        healthcheck: { test: ['CMD', 'true'] },
        deploy: { replicas: 3, update_config: { monitor: '0s', order: 'start-first', parallelism: 2, delay: '3s' } },
      }),
    },
  },
  { services: { web: service({ labels: { overlap: 'yes' }, deploy: { update_config: { order: 'start-first' } } }) } },
  {
    services: {
      web: service({ deploy: { update_config: { monitor: '8s', failure_action: 'pause' } } }),
      db: service(),
    },
  },
  { services: { web: service({ 'x-longshore': { lock: true } }), db: service() } },
  { services: { old: service({ container_name: 'pump' }) } },
  { services: { fresh: service({ container_name: 'pump', pull_policy: 'always' }) } },
  {
    services: {
      web: service({ volumes: [bind('./conf'), bind('./ro', true)] }),
      db: service({ volumes: [bind('./conf/a', true)], configs: [{ source: 'c', target: '/c' }] }),
    },
    configs: { c: { file: './ro/b' } },
  },
  { services: { web: service({ volumes: [bind('./ro')] }), db: service({ volumes: [bind('./conf', true)] }) } },
  {
    services: {
      web: service({
        secrets: [{ source: 'key', target: '/run/secrets/key' }],
        deploy: { replicas: 2, update_config: { monitor: '0s' } },
      }),
    },
    secrets: { key: { external: true } },
  },
]

const apps = ['shop', 'till'] as const
const failing: readonly CallKind[] = [
  'list',
  'details',
  'image',
  'pull',
  'createNetwork',
  'removeNetwork',
  'connectNetwork',
  'createVolume',
  'createContainer',
  'startContainer',
  'stopContainer',
  'removeContainer',
  'renameContainer',
  'setRestart',
]

type Step = {
  readonly run: (device: SimulatedDevice) => unknown
  /** how a counterexample prints */
  readonly toString: () => string
}

const step = (text: string, run: Step['run']): Step => ({ run, toString: () => text })

const runningOf = (device: SimulatedDevice) =>
  device.engine.controls.containers().filter(({ state }) => state === 'running')
const nth = <T>(items: readonly T[], index: number): T | undefined => items[index % Math.max(1, items.length)]

const takeName = ({ engine: { controls } }: SimulatedDevice, name: string): void => {
  if (!controls.containers().some((container) => container.name === name))
    controls.addForeignContainer(name, { isRunning: true })
}

/** Whatever stood in the way is gone. */
const clearTheWay = ({ engine: { controls } }: SimulatedDevice): void => {
  controls.forgetFaults()
  controls.comeBack()
  controls.letPullsGo()
  controls.freePort('80/tcp')
  for (const { id, spec } of controls.containers())
    if (spec.labels[label.app] === undefined) controls.removeContainer(id)
  controls.removeForeignNetworks()
}

const appArbitrary = fc.constantFrom(...apps)
const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(appArbitrary, fc.nat(models.length - 1), fc.constantFrom<Text>('1', '2'), fc.boolean())
      .map(([app, index, text, replaceFiles]) =>
        step(`deploy ${app} ${index} ${text} ${replaceFiles}`, (device) =>
          device.deploy(modelNamed(app, index), textsOf(text), { replaceFiles }),
        ),
      ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      step('a container writes a file', ({ files }) => files.controls.write('shop', 'conf/a', 'mine')),
      step('a container writes another file', ({ files }) => files.controls.write('shop', 'ro/b', 'mine')),
      step('the secret is another', ({ secrets }) => void secrets.set('key', `${secrets.get('key')}+`)),
      step('the secret is taken away', ({ secrets }) => void secrets.delete('key')),
      step('what was in memory is lost', ({ files }) => files.controls.forgetSecrets()),
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(appArbitrary, fc.constantFrom('stop', 'start', 'hold', 'unhold'), fc.boolean())
      .map(([app, verb, isAll]) =>
        step(`${verb} ${app} ${isAll ? '' : 'web'}`, (device) =>
          device.ask(verb, { app, by: 'ann', ...(isAll || !verb.startsWith('st') ? {} : { service: 'web' }) }),
        ),
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .integer({ min: -200_000_000, max: 200_000_000 })
      .map((ms) => step(`the clock jumps by ${ms} ms`, () => void vi.setSystemTime(Date.now() + ms))),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(appArbitrary, fc.boolean())
      .map(([app, volumes]) => step(`remove ${app} ${volumes}`, (device) => device.remove(app, volumes))),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.nat(9), fc.nat(2)).map(([index, code]) =>
      step(`exit ${index} with ${code}`, (device) => {
        const container = nth(runningOf(device), index)
        if (container !== undefined) device.engine.controls.exitContainer(container.id, code)
      }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.nat(9), fc.constantFrom('kill', 'remove', 'dead', 'pause')).map(([index, how]) =>
      step(`${how} ${index} by hand`, (device) => {
        const { controls } = device.engine
        const container = nth(how === 'pause' ? runningOf(device) : controls.containers(), index)
        if (container === undefined) return
        if (how === 'kill') controls.killContainer(container.id)
        else if (how === 'remove') controls.removeContainer(container.id)
        else controls.setState(container.id, how === 'dead' ? 'dead' : 'paused')
        if (how === 'pause') controls.setState(container.id, 'running')
      }),
    ),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom(...failing), fc.integer({ min: 1, max: 3 }))
      .map(([kind, times]) =>
        step(`${kind} fails ${times} times`, (device) => device.engine.controls.failNext(kind, 'engine-error', times)),
      ),
  },
  { weight: 2, arbitrary: fc.constant(step('an answer is lost', (device) => device.loseAnswer())) },
  { weight: 1, arbitrary: fc.constant(step('the engine goes', (device) => device.engine.controls.goAway())) },
  { weight: 2, arbitrary: fc.constant(step('the engine comes', (device) => device.engine.controls.comeBack())) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      step('pulls hang', (device) => device.engine.controls.holdPulls()),
      step('a process takes port 80', (device) => device.engine.controls.takePort('80/tcp')),
      step('somebody takes the name pump', (device) => takeName(device, 'pump')),
      step('somebody takes the network shop_front', ({ engine: { controls } }) => {
        if (!controls.networkNames().includes('shop_front')) controls.addForeignNetwork('shop_front')
      }),
    ),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.nat(12), fc.boolean())
      .map(([calls, isAfter]) =>
        step(`crash ${isAfter ? 'after' : 'before'} call ${calls}`, (device) => device.crash(calls, isAfter)),
      ),
  },
  { weight: 3, arbitrary: fc.constant(step('a new agent', (device) => device.revive())) },
  {
    weight: 4,
    arbitrary: fc.integer({ min: 1, max: 20_000 }).map((ms) => step(`${ms} ms`, () => void vi.advanceTimersByTime(ms))),
  },
)

type Text = '1' | '2'

/** Some change with the release, one does not. */
const textsOf = (text: Text) => ({
  'conf/a': text,
  'conf/same': 'same',
  'ro/b': text,
  ...(text === '1' ? { 'conf/only': '1' } : {}),
})

/** The files of the newest deployment, told by what it says of one of them. */
const textsAgain = ({ files }: AcceptedAssignment) => textsOf(files['conf/only'] === undefined ? '2' : '1')

const modelNamed = (app: string, index: number): Model => ({ name: app, ...(models[index] as Body) })

/** What is mounted stands, nothing else of a release does, and a writable file is that of the release or somebody's own. */
const expectFiles = async (device: SimulatedDevice): Promise<void> => {
  for (const { app, accepted } of device.store.apps()) {
    if (accepted === undefined) continue
    const { trees, secretTrees } = await device.files.observe(app, [])
    if (accepted.deployment.remove) {
      expect([...trees, ...secretTrees]).toEqual([])
      continue
    }
    const { compose, files } = accepted.deployment
    const release = { compose, files, secretVersions: Object.fromEntries(device.secrets) }
    const mounts = Object.values(compose.services).flatMap((one) => projectMounts(release, one))
    const used = (isSecret: boolean): string[] => [
      ...new Set(
        mounts.flatMap((mount) =>
          mount.kind === 'tree' && mount.tree.isSecret === isSecret ? [mount.tree.digest] : [],
        ),
      ),
    ]
    expect([trees, secretTrees]).toEqual([used(false).sort(), used(true).sort()])
    for (const path of Object.keys(files).filter((name) => isData(compose, name)))
      if (mounts.some((mount) => mount.kind === 'data' && isUnder(path, mount.path)))
        expect(['1', '2', 'same', 'mine']).toContain(device.files.controls.read(app, path))
  }
}

const looking: ReadonlySet<CallKind> = new Set(['facts', 'list', 'details', 'image'])

/** Throws with the shortest sequence found that does not converge, or after which a second look plans anything. */
export const expectConvergence = async (parameters: fc.Parameters<[Step[]]>): Promise<void> => {
  await fc
    .assert(
      fc.asyncProperty(fc.array(stepArbitrary, { minLength: 1, maxLength: 25 }), async (steps) => {
        // New clocks for each sequence: clearing timers would set them back, and one of them must never jump.
        vi.useRealTimers()
        fakeTimers()
        const device = simulatedDevice({ check: expectNoDoubles })
        device.secrets.set('key', 'one')
        const { controls } = device.engine
        controls.addImage('web:1', 'sha256:web1')
        controls.addImage('db:1', 'sha256:db1', ['/cache'])
        controls.addToRegistry('web:1', 'sha256:web1')
        controls.addToRegistry('db:2', 'sha256:db2', ['/cache'])
        for (const { run } of steps) {
          await run(device)
          await device.settle()
          live(device)
        }
        clearTheWay(device)
        for (const { app } of device.store.apps())
          for (const verb of ['unhold', 'start'] as const) await device.ask(verb, { app })
        device.secrets.set('key', device.secrets.get('key') ?? 'again')
        device.look()
        await calm(device)

        // What failed on the way is deployed again, as an operator would; with nothing in its way it succeeds.
        for (const { accepted } of device.store.apps()) {
          if (
            accepted?.verdict?.outcome !== 'succeeded' &&
            accepted?.deployment.remove !== true &&
            accepted !== undefined
          )
            await device.deploy(accepted.deployment.compose, textsAgain(accepted.deployment))
        }
        await calm(device)
        expect(device.store.apps().map(({ accepted }) => accepted?.verdict?.outcome)).toEqual(
          device.store.apps().map(() => 'succeeded'),
        )

        // Files have no events: the next full look puts back what is missing.
        device.look()
        await device.settle()
        await expectFiles(device)
        const before = controls.calls.length
        device.look()
        await device.settle()
        expect(controls.calls.slice(before).filter(({ kind }) => !looking.has(kind))).toEqual([])
      }),
      parameters,
    )
    .finally(() => vi.useRealTimers())
}
