/** `prune`, `reboot` and `set-telemetry`, each with the real engine simulated and the store in memory. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { pruneVerb } from '../../../agent/commands/prune-verb.ts'
import { rebootVerb } from '../../../agent/commands/reboot-verb.ts'
import { telemetryVerb } from '../../../agent/commands/telemetry-verb.ts'
import { createImageCollector } from '../../../agent/disk/image-collector.ts'
import { plainSpec, simulatedEngine } from '../../../agent/engine/simulated.ts'
import { rebootBy } from '../../../agent/reboot.ts'
import { memoryStore } from '../../../agent/store/memory-store.ts'
import { chooseTelemetry, type TelemetryChoice, telemetryInForce } from '../../../agent/telemetry-choice.ts'
import { ownerLabels } from '../../../agent/translate/engine-names.ts'
import { silent } from '../../support/agents.ts'
import { assignment, committed, owner, serviceModel } from '../../support/builders.ts'
import { verbContext } from '../../support/verb-context.ts'

describe('prune', () => {
  const open = async () => {
    const engine = simulatedEngine({ now: Date.now })
    const store = memoryStore()
    for (const name of ['used', 'idle', 'foreign', 'web']) engine.controls.addImage(`${name}:1`, `sha256:${name}`)
    await store.updateDevice((record) => ({
      ...record,
      pulledImages: ['used', 'idle', 'foreign'].map((name) => ({
        id: `sha256:${name}`,
        reference: `${name}:1`,
        at: 1,
      })),
    }))
    await store.updateApp('shop', () => committed(assignment(serviceModel({ web: { image: 'used:1' } }))))
    // By another name: an engine would let ours go.
    engine.controls.addImage('foreign', 'sha256:foreign')
    engine.controls.addForeignContainer('theirs', plainSpec('sha256:foreign'))
    const ours = async (name: string, app: string) =>
      await engine.createContainer(name, { ...plainSpec('sha256:web'), labels: ownerLabels(owner, app) })
    await ours('lost-web-1', 'lost')
    await ours('lost-run-1', 'lost')
    await engine.startContainer(engine.controls.container('lost-run-1').id)
    await ours('shop-old-1', 'shop')
    engine.controls.addForeignNetwork('lost_default', ownerLabels(owner, 'lost'))
    engine.controls.addForeignNetwork('shop_default', ownerLabels(owner, 'shop'))
    engine.controls.addForeignVolume('lost_data', ownerLabels(owner, 'lost'))
    let free = 1_000
    const collector = createImageCollector({
      ...{ agent: owner.agent, engine, mirrors: {}, store, log: silent },
      ...{ isAwaited: () => false, nowMs: Date.now, monotonicMs: () => 0 },
      onRemoved: () => {
        free += 500
      },
    })
    const readDisk = async () => ({ path: '/', freeBytes: free, reserveBytes: 0 })
    const prune = pruneVerb({ owner, store, engine, collector, readDisk })
    return { engine, prune: (args = {}) => prune(args, verbContext()) }
  }

  test('removes what no app refers to, and says what was freed', async () => {
    const { engine, prune } = await open()
    expect(await prune({ by: 'ada' })).toEqual({
      outcome: 'done',
      result: {
        images: [{ id: 'sha256:idle', references: ['idle:1'], sizeBytes: 1_000_000 }],
        containers: ['lost-web-1'],
        networks: ['lost_default'],
        kept: [],
        freedBytes: 500,
      },
    })
    const { controls } = engine
    expect(controls.imageNames()).toEqual(['foreign:1', 'foreign', 'used:1', 'web:1'].sort())
    expect(controls.containers().map(({ name }) => name)).toEqual(['theirs', 'lost-run-1', 'shop-old-1'])
    expect(controls.networkNames()).toContain('shop_default')
    expect(controls.volumeNames()).toEqual(['lost_data'])
  })

  test('in a dry run tells the same and touches nothing', async () => {
    const { engine, prune } = await open()
    const before = engine.controls.containers().length
    expect(await prune({ dryRun: true })).toMatchObject({
      result: { images: [{ id: 'sha256:idle' }], containers: ['lost-web-1'], networks: ['lost_default'] },
    })
    expect(engine.controls.imageNames()).toContain('idle:1')
    expect(engine.controls.containers()).toHaveLength(before)
  })

  test('an argument that is none is refused with its path', async () => {
    const { prune } = await open()
    expect(await prune({ dryRun: 'perhaps' })).toMatchObject({
      outcome: 'refused',
      reason: { code: 'message-invalid', path: 'dryRun' },
    })
  })
})

describe('reboot', () => {
  const open = async (script: string) => {
    const folder = await mkdtemp(join(tmpdir(), 'longshore-reboot-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const program = join(folder, 'reboot')
    await writeFile(program, `#!/bin/sh\n${script.replaceAll('FOLDER', folder)}\n`)
    await chmod(program, 0o755)
    const steps: string[] = []
    const verb = rebootVerb({
      machine: rebootBy([program, 'now']),
      leave: async () => void steps.push('left'),
      stay: async () => void steps.push('stayed'),
      log: silent,
    })
    return { steps, verb, said: () => readFile(join(folder, 'said'), 'utf8').catch(() => '') }
  }

  test('says goodbye and runs the program after the answer, not before', async () => {
    const { verb, steps, said } = await open('echo "$@" > FOLDER/said; exit 0')
    const { afterwards, ...answer } = await verb({ by: 'ada' }, verbContext())
    expect(answer).toEqual({ outcome: 'done' })
    expect(await said()).toBe('')
    void afterwards?.()
    await expect.poll(said).toBe('now\n')
    expect(steps).toEqual(['left'])
  })

  test('a program that fails: the device says that it is there after all', async () => {
    const { verb, steps } = await open('exit 3')
    const { afterwards } = await verb({}, verbContext())
    await afterwards?.()
    expect(steps).toEqual(['left', 'stayed'])
  })

  test('where there is no such program it fails, and nobody leaves', async () => {
    const verb = rebootVerb({
      machine: rebootBy(['longshore-no-such-program']),
      leave: async () => undefined,
      stay: async () => undefined,
      log: silent,
    })
    await expect(verb({}, verbContext())).rejects.toMatchObject({ code: 'config-invalid' })
  })
})

describe('set-telemetry', () => {
  const open = () => {
    const store = memoryStore()
    const inForce: string[] = []
    const onTelemetry = () => void inForce.push(telemetryInForce(store.device().telemetry, 'thrifty', 1_000))
    const verb = telemetryVerb({ store, onTelemetry, nowMs: () => 1_000 })
    return { store, inForce, ask: (args: object) => verb(args as never, verbContext()) }
  }

  test.each([
    [{ profile: 'minimal' }, { profile: 'minimal' }],
    [
      { profile: 'normal', forMs: 5_000 },
      { profile: 'normal', until: 6_000 },
    ],
    [{ profile: 'live' }, { profile: 'live', until: 601_000 }],
    [
      { profile: 'live', forMs: 86_400_000 },
      { profile: 'live', until: 86_401_000 },
    ],
  ])('%j is on disk before it is in force', async (args, choice) => {
    const { inForce, ask } = open()
    expect(await ask(args)).toEqual({ outcome: 'done', result: choice })
    expect(inForce).toEqual([choice.profile])
  })

  test.each([
    [{ profile: 'loud' }, 'profile'],
    [{ profile: 'live', forMs: 86_400_001 }, 'forMs'],
    [{ profile: 'normal', forMs: 0 }, 'forMs'],
    [{}, 'profile'],
  ])('%j is refused', async (args, path) => {
    const { store, ask } = open()
    expect(await ask(args)).toMatchObject({ outcome: 'refused', reason: { code: 'message-invalid', path } })
    expect(store.device().telemetry).toBeUndefined()
  })

  test('a restart keeps what was chosen for good, and of what had an end what has not passed', () => {
    const at = (choice: TelemetryChoice | undefined, now: number) => telemetryInForce(choice, 'thrifty', now)
    expect(at(undefined, 5)).toBe('thrifty')
    const minimal = chooseTelemetry(undefined, 'minimal', undefined, 0)
    expect(at(minimal, 5)).toBe('minimal')
    const live = chooseTelemetry(minimal, 'live', 100, 1_000)
    expect([at(live, 1_000), at(live, 1_099), at(live, 1_100)]).toEqual(['live', 'live', 'minimal'])
  })

  test('a clock that was set back does not draw out what was chosen for a while', () => {
    const live = chooseTelemetry(undefined, 'live', 60_000, 1_000_000)
    expect(telemetryInForce(live, 'normal', 500_000)).toBe('normal')
  })
})
