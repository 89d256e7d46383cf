/** `run`: what its container is made of, how its output travels, and that it is removed. */
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createOutputPump, type Piece } from '../../../agent/commands/output-pump.ts'
import { runVerb } from '../../../agent/commands/run-verb.ts'
import { sweepRuns } from '../../../agent/commands/sweep-runs.ts'
import { readFrames } from '../../../agent/engine/docker-run.ts'
import { plainSpec, simulatedEngine } from '../../../agent/engine/simulated.ts'
import { memoryFiles } from '../../../agent/files/memory-files.ts'
import { createObserver } from '../../../agent/reconcile/observe.ts'
import { memoryStore } from '../../../agent/store/memory-store.ts'
import { label } from '../../../agent/translate/engine-names.ts'
import { runOwner, runSpec } from '../../../agent/translate/run-spec.ts'
import type { Service } from '../../../src/compose/model.ts'
import { silent } from '../../support/agents.ts'
import { app, assignment, committed, image, owner, paths, serviceModel, underWay } from '../../support/builders.ts'
import { eventually } from '../../support/eventually.ts'
import { verbContext } from '../../support/verb-context.ts'

describe('the container', () => {
  const spec = (service: Partial<Service>, hasDevices = false) => {
    const model = serviceModel({ web: service, db: {} }, { volumes: { data: {} }, networks: { back: {} } })
    return runSpec({
      ...{ owner, app, model, name: 'web', service: model.services.web ?? { image }, generation: 1, release: 'r' },
      ...{ imageId: 'sha256:web', files: {}, secretVersions: { key: 'v1' }, paths, joined: { db: 'the-db' } },
      ...{ id: 'abcdef0123456789', command: ['ls', '-l'], hasDevices },
    })
  }

  test('has the environment, volumes, networks and limits of the service, and the command', () => {
    expect(
      spec({
        environment: { A: '1' },
        entrypoint: ['/entry'],
        command: ['serve'],
        user: '7',
        mem_limit: 1_000,
        volumes: [{ type: 'volume', source: 'data', target: '/data' }],
        networks: { back: { aliases: ['www'], ipv4_address: '10.1.2.3' } },
      }),
    ).toMatchObject({
      ...{ command: ['ls', '-l'], entrypoint: ['/entry'], environment: { A: '1' }, user: '7', memoryBytes: 1_000 },
      mounts: [{ source: 'shop_data', target: '/data' }],
      // Found by no name of the service, and not at its address.
      networking: { kind: 'attached', attachments: [{ network: 'shop_back', aliases: [] }] },
    })
  })

  test('is not the service: no port, name, label, healthcheck, restart or device of it', () => {
    const made = spec({
      ...{ hostname: 'www', labels: { 'traefik.enable': 'true' }, restart: 'always' },
      ports: [{ target: 80, published: '8080', protocol: 'tcp' }] as never,
      healthcheck: { test: ['CMD', 'true'] },
      devices: [{ source: '/dev/ttyUSB0', target: '/dev/ttyUSB0', permissions: 'rwm' }] as never,
      device_cgroup_rules: ['c 188:* rw'],
      tty: true,
    })
    expect(made).toMatchObject({ ports: [], restart: { name: 'no' }, healthcheck: { test: ['NONE'] }, tty: false })
    expect(made.devices ?? []).toEqual([])
    expect(made.deviceCgroupRules).toBeUndefined()
    expect(made.hostname).toBeUndefined()
    expect(made.labels).toEqual({
      [label.agent]: 'gw-1.run',
      [label.app]: app,
      [label.service]: 'web',
      [label.cause]: 'longshore run abcdef0123456789',
    })
  })

  test('has the devices of the service where that was asked for, and is in its joined network', () => {
    const devices = [{ source: '/dev/ttyUSB0', target: '/dev/ttyUSB0', permissions: 'rwm' }] as never
    expect(spec({ devices }, true).devices).toHaveLength(1)
    expect(spec({ network_mode: 'service:db' }).networking).toEqual({ kind: 'joined', containerId: 'the-db' })
  })
})

describe('the output', () => {
  const frame = (from: number, text: string): Buffer => {
    const header = Buffer.alloc(8)
    header[0] = from
    header.writeUInt32BE(Buffer.byteLength(text), 4)
    return Buffer.concat([header, Buffer.from(text)])
  }

  test.each([1, 3, 8, 1_000])('frames come through in chunks of %i bytes, of both streams', async (size) => {
    const all = Buffer.concat([frame(1, 'one'), frame(2, ''), frame(2, 'err'), frame(1, 'two\n')])
    const chunks = Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
      all.subarray(index * size, (index + 1) * size),
    )
    const heard = { stdout: '', stderr: '' }
    await readFrames(
      (async function* () {
        yield* chunks
      })(),
      async (stream, bytes) => {
        heard[stream] += Buffer.from(bytes).toString()
      },
    )
    expect(heard).toEqual({ stdout: 'onetwo\n', stderr: 'err' })
  })

  const joined = (pieces: readonly Piece[]) =>
    Buffer.concat(pieces.map(({ data }) => Buffer.from(data, 'base64'))).toString()

  test('what comes while a piece is on its way is sent together, in pieces of the size, each tried until it is there', async () => {
    const sent: Piece[] = []
    let fails = 2
    const pump = createOutputPump({
      ...{ pieceBytes: 10, mostBytes: 1_000 },
      send: async (piece) => {
        await new Promise((resolve) => setTimeout(resolve, 1))
        fails -= 1
        if (fails >= 0) return false
        sent.push(piece)
        return true
      },
      pause: async () => true,
    })
    for (const word of ['a', 'bc', 'def', 'ghij', 'klmno']) await pump.write('stdout', Buffer.from(word))
    await pump.end()
    expect(joined(sent)).toBe('abcdefghijklmno')
    expect(sent.map(({ at }) => at)).toEqual([0, 1, 11])
    expect(pump.counts()).toEqual({ stdoutBytes: 15, stderrBytes: 0, unsentBytes: 0 })
  })

  test('a link that takes nothing holds up the writer, not the memory; given up, the rest is counted', async () => {
    let isLinkDown = true
    let isOver = false
    const pump = createOutputPump({
      ...{ pieceBytes: 10, mostBytes: 1_000 },
      send: async () => !isLinkDown,
      pause: async () => {
        await new Promise((resolve) => setTimeout(resolve, 1))
        return !isOver
      },
    })
    let written = 0
    const writing = (async () => {
      for (; written < 20; written += 1) await pump.write('stderr', Buffer.alloc(10))
    })()
    await eventually('the writer to wait', () => written === 4)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(written).toBe(4)
    isOver = true
    await writing
    await pump.end()
    expect(pump.counts()).toMatchObject({ stderrBytes: 200, unsentBytes: 200 })
    isLinkDown = false
  })

  test('beyond the most that is sent it is read, counted and dropped', async () => {
    const sent: Piece[] = []
    const send = async (piece: Piece) => sent.push(piece) > 0
    const pump = createOutputPump({ pieceBytes: 10, mostBytes: 15, send, pause: async () => true })
    for (let index = 0; index < 5; index += 1) await pump.write('stdout', Buffer.from('0123456789'))
    await pump.end()
    expect(joined(sent)).toBe('012345678901234')
    expect(pump.counts()).toEqual({ stdoutBytes: 50, stderrBytes: 0, unsentBytes: 35 })
  })
})

describe('the verb', () => {
  const open = async (record = committed(assignment(serviceModel({ web: {} })))) => {
    const engine = simulatedEngine({ now: Date.now })
    const store = memoryStore()
    const runsUnderWay = new Set<string>()
    await store.updateApp(app, () => record)
    engine.controls.addImage('web:1', 'sha256:web')
    await engine.createNetwork('shop_default', { ...emptyNetwork, labels: { [label.agent]: owner.agent } })
    const verb = runVerb({
      ...{ owner, store, engine, runsUnderWay, maxBytes: 10_000, log: silent, files: memoryFiles() },
      secrets: { versions: () => ({}), value: async () => new Uint8Array() },
      reconciler: { observe: createObserver(engine, owner.agent).observe },
      modelFault: () => undefined,
    })
    const run = (args: object = {}, context = {}) =>
      verb({ app, service: 'web', command: ['ls'], ...args } as never, verbContext(context))
    const names = () => engine.controls.containers().map(({ name }) => name)
    return { engine, run, names, runsUnderWay }
  }
  const emptyNetwork = { labels: {}, driverOptions: {}, isInternal: false, hasIpv4: true, hasIpv6: false }

  test('answers with the exit code and removes the container; the reconciler never sees it', async () => {
    const { engine, run, names } = await open()
    const answer = run({}, { id: 'aaaa' })
    await eventually('the container', () => names().includes('shop-web-run-aaaa'))
    expect((await engine.list({ agent: owner.agent, app })).containers).toEqual([])
    engine.controls.exitContainer('shop-web-run-aaaa', 7)
    expect(await answer).toMatchObject({ outcome: 'done', result: { exitCode: 7, stdoutBytes: 0 } })
    expect(names()).toEqual([])
  })

  test('one that does not end in its time is killed and removed', async () => {
    const { run, names } = await open()
    expect(await run({ timeoutMs: 1_000 })).toMatchObject({
      outcome: 'failed',
      reason: { code: 'run-timeout' },
      result: { exitCode: 137 },
    })
    expect(names()).toEqual([])
  })

  test('one that ended by itself did so, however long its last words took', async () => {
    const { engine, run } = await open()
    const runToEnd: typeof engine.runToEnd = async (_id, onOutput) => {
      await onOutput('stdout', Buffer.from('last words'))
      return 0
    }
    Object.assign(engine, { runToEnd })
    const progress = () => new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 1_200))
    expect(await run({ timeoutMs: 1_000 }, { progress })).toMatchObject({ outcome: 'done', result: { exitCode: 0 } })
  })

  test('one whose output nobody takes gives its place back a while after its time', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const { engine, run, runsUnderWay } = await open()
    const runToEnd: typeof engine.runToEnd = async (_id, onOutput) => {
      // More than is gathered: the program waits for the link, and its end with it.
      for (let piece = 0; piece < 10; piece += 1) await onOutput('stdout', Buffer.alloc(4_000))
      return 137
    }
    Object.assign(engine, { runToEnd })
    const answer = run({ timeoutMs: 10_000 }, { progress: async () => false })
    await vi.advanceTimersByTimeAsync(42_000)
    expect(runsUnderWay.size).toBe(0)
    expect(await answer).toMatchObject({ result: { unsentBytes: 40_000 } })
  })

  test('two whose ids begin alike have a container each', async () => {
    const { engine, run, names } = await open()
    const answers = ['my-command-0001', 'my-command-0002'].map((id) => run({}, { id }))
    await eventually('two containers', () => names().length === 2)
    for (const name of names()) engine.controls.exitContainer(name, 0)
    for (const answer of answers) expect(await answer).toMatchObject({ outcome: 'done' })
  })

  test('an agent that ends takes it with it', async () => {
    const { run, names } = await open()
    const ending = new AbortController()
    const answer = run({}, { signal: ending.signal })
    await eventually('the container', () => names().length === 1)
    ending.abort()
    expect(await answer).toMatchObject({ outcome: 'failed', reason: { code: 'command-interrupted' } })
    expect(names()).toEqual([])
  })

  test('four at once, and then it is busy', async () => {
    const { run, names, engine } = await open()
    const answers = ['a', 'b', 'c', 'd'].map((id) => run({}, { id }))
    await eventually('four containers', () => names().length === 4)
    expect(await run({}, { id: 'e' })).toMatchObject({ outcome: 'busy', reason: { code: 'command-busy' } })
    for (const name of names()) engine.controls.exitContainer(name, 0)
    await Promise.all(answers)
    expect(names()).toEqual([])
  })

  test.each([
    [{ app: 'none' }, 'app-unknown'],
    [{ service: 'none' }, 'reference-missing'],
    [{ command: [] }, 'message-invalid'],
    [{ timeoutMs: 3_600_001 }, 'message-invalid'],
  ])('%j is refused', async (args, code) => {
    const { run, names } = await open()
    expect(await run(args)).toMatchObject({ outcome: 'refused', reason: { code } })
    expect(names()).toEqual([])
  })

  test('during an update, and without the image, it is refused', async () => {
    const updating = await open(underWay(assignment(serviceModel({ web: {} }))))
    expect(await updating.run()).toMatchObject({ outcome: 'refused', reason: { code: 'update-under-way' } })
    const bare = await open()
    bare.engine.controls.removeImage('web:1')
    expect(await bare.run()).toMatchObject({ outcome: 'refused', reason: { code: 'image-missing' } })
  })

  test('what an agent that was killed left is swept away, and nothing else', async () => {
    const { engine, names } = await open()
    for (const name of ['left', 'mine'])
      await engine.createContainer(name, {
        ...plainSpec('sha256:web'),
        labels: { [label.agent]: runOwner(owner.agent) },
      })
    await engine.startContainer(engine.controls.container('left').id)
    engine.controls.addForeignContainer('theirs')
    expect(await sweepRuns(engine, owner.agent, (name) => name === 'mine')).toEqual(['left'])
    expect(names()).toEqual(['mine', 'theirs'])
  })
})
