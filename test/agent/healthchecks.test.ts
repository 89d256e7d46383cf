/** Healthchecks that the agent runs, on the simulated engine, with checks that the test answers. */
import { expect, onTestFinished, test } from 'vitest'
import type { EngineEvent } from '../../agent/engine/engine.ts'
import { type CheckedContainer, withHealthchecks } from '../../agent/engine/healthchecks.ts'
import { pause } from '../../agent/engine/pause.ts'
import { plainSpec, simulatedEngine } from '../../agent/engine/simulated.ts'
import { label } from '../../agent/translate/engine-names.ts'
import { eventually } from '../support/eventually.ts'

type Options = {
  readonly name?: string
  readonly isSystemdThere?: boolean
  readonly isCheckedByEngine?: boolean
  readonly startPeriodMs?: number
  readonly nowMs?: () => number
}

const agent = 'gw-1'

/** A container that runs, of an engine that never checks it; `answer` is what each check comes to. */
const set = async ({
  name = 'podman',
  isSystemdThere = false,
  isCheckedByEngine = false,
  startPeriodMs = 0,
  nowMs = Date.now,
}: Options = {}) => {
  const simulated = simulatedEngine({ now: Date.now })
  simulated.controls.addImage('a:1', 'sha256:1')
  const abort = new AbortController()
  onTestFinished(() => abort.abort())
  const healthcheck = { command: ['test'], intervalMs: 5, timeoutMs: 20, retries: 2, startPeriodMs }
  const state = { answer: Promise.resolve(true), begun: 0, reads: 0 }
  const engine = withHealthchecks({
    engine: { ...simulated, facts: async () => ({ ...(await simulated.facts()), name }) },
    checks: {
      read: async (id): Promise<CheckedContainer | undefined> => {
        state.reads += 1
        const { state: is, startedAt } = (await simulated.details(id)) ?? {}
        return is === 'running' && startedAt !== undefined
          ? { healthcheck: { ...healthcheck, startIntervalMs: 5 }, startedAt, isCheckedByEngine }
          : undefined
      },
      begin: async () => {
        state.begun += 1
        return { hasPassed: state.answer }
      },
    },
    isSystemdThere,
    signal: abort.signal,
    nowMs,
    monotonicMs: () => performance.now(),
  })
  const labels = { [label.agent]: agent, [label.app]: 'a' }
  await engine.createContainer('web', { ...plainSpec('sha256:1'), labels, healthcheck: { test: ['CMD', 'test'] } })
  await engine.startContainer('web')
  const health = async () => (await engine.list({ agent })).containers[0]?.health
  const { id } = simulated.controls.container('web')
  return { engine, controls: simulated.controls, state, health, id, abort }
}

const fails = Promise.resolve(false)

test('a container is starting until a check passes; lists, details and an event say so', async () => {
  const { engine, state, health, id, abort } = await set()
  const events: EngineEvent[] = []
  const listening = (async () => {
    for await (const event of engine.events(abort.signal)) events.push(event)
  })()
  expect(await health()).toBe('starting')
  await eventually('health', async () => (await health()) === 'healthy')
  expect(await engine.details(id)).toMatchObject({ health: 'healthy' })
  state.answer = fails
  await eventually('failure', async () => (await health()) === 'unhealthy')
  expect(events.map(({ action, id, labels }) => [action, id, labels[label.app]])).toEqual([
    ['health_status: healthy', id, 'a'],
    ['health_status: unhealthy', id, 'a'],
  ])
  abort.abort()
  await listening
})

test.each([
  ['forward ends no start period early', 60_000, 365 * 86_400_000, 'starting'],
  ['back leaves none for ever', 100, -10 * 365 * 86_400_000, 'unhealthy'],
])('a clock that jumps %s', async (_name, startPeriodMs, byMs, expected) => {
  let isSet = false
  const { state, health } = await set({ startPeriodMs, nowMs: () => Date.now() + (isSet ? byMs : 0) })
  state.answer = fails
  expect(await health()).toBe('starting')
  await eventually('a check', () => state.begun > 0)
  isSet = true
  if (expected === 'starting') {
    const before = state.begun
    await eventually('more checks than it has retries', () => state.begun > before + 4)
    expect(await health()).toBe('starting')
  } else await eventually('failure', async () => (await health()) === expected)
})

test('a check that takes too long has failed, and no other is begun while it runs', async () => {
  const { state, health } = await set()
  state.answer = new Promise(() => undefined)
  await eventually('failure', async () => (await health()) === 'unhealthy')
  expect(state.begun).toBe(1)
})

test('a check that ends after its time has failed, whatever it says then, and the next one is begun', async () => {
  const { engine, state, health, abort } = await set()
  const told: string[] = []
  const listening = (async () => {
    for await (const { action } of engine.events(abort.signal)) told.push(action)
  })()
  const passesLate = () => new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 35))
  Object.defineProperty(state, 'answer', { get: passesLate })
  await eventually('failure', async () => (await health()) === 'unhealthy')
  await eventually('three more checks', () => state.begun > 3)
  expect(told).toEqual(['health_status: unhealthy'])
  abort.abort()
  await listening
})

test('a time that no timer can count is waited for all the same', async () => {
  const abort = new AbortController()
  const month = pause(31 * 86_400_000, abort.signal).then(() => 'over')
  expect(await Promise.race([month, pause(50, abort.signal).then(() => 'still waiting')])).toBe('still waiting')
  abort.abort()
})

test('what is started again is starting again', async () => {
  const { engine, state, health, id } = await set()
  await eventually('health', async () => (await health()) === 'healthy')
  await engine.stopContainer(id, 0)
  expect(await health()).toBe('none')
  state.answer = new Promise(() => undefined)
  await engine.startContainer(id)
  expect(await health()).toBe('starting')
})

test.each(['removed', 'stopped', 'left by an agent that ends'])('what is %s is not checked any more', async (how) => {
  const { controls, state, health, abort } = await set()
  await eventually('health', async () => (await health()) === 'healthy')
  if (how === 'removed') controls.removeContainer('web')
  else if (how === 'stopped') controls.killContainer('web')
  else abort.abort()
  const { reads } = state
  const isChecking = eventually('two more looks', () => state.reads > reads + 1, { timeoutMs: 60, everyMs: 5 })
  await expect(isChecking).rejects.toThrow('waited')
})

test('an engine that checks by itself is left to it, and so is Podman once systemd is seen to', async () => {
  for (const options of [{ name: 'docker' }, { isSystemdThere: true, isCheckedByEngine: true }]) {
    const { controls, state, health } = await set(options)
    expect(await health()).toBe('starting')
    controls.setHealth('web', 'healthy')
    expect(await health()).toBe('healthy')
    expect(state.begun).toBe(0)
  }
})

test('where systemd is there and does nothing, the agent checks after having waited for it', async () => {
  const { state, health, controls } = await set({ isSystemdThere: true })
  await eventually('health', async () => (await health()) === 'healthy')
  expect(state.begun).toBeGreaterThan(0)
  expect(controls.container('web').health).toBe('starting')
})
