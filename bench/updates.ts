/**
 * What updates cost: the gap that a client sees in a stop-first update beside the raw calls, docker-compose and Swarm, lost
 * requests in a start-first one, the time of a rollback beside the raw calls, and the planner with nothing to do. Taken in
 * turn, in one run.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Service } from '../src/compose/model.ts'
import { exampleImageTag } from '../src/engine-setup/make-image.ts'
import {
  assignment,
  committed,
  container,
  observing,
  planInput,
  planned,
  serviceModel,
} from '../test/support/builders.ts'
import { clientScript } from '../test/support/client-script.ts'
import { openBenchAgent, say, sayRatio, sayTimes } from './bench-agent.ts'

const rounds = 6
const run = promisify(execFile)
const bench = await openBenchAgent()
const { call, prefix } = bench
const folder = await mkdtemp(join(tmpdir(), 'longshore-bench-'))
let nextPort = 21_000 + (process.pid % 20_000)

const get = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const asking = request({ host: '127.0.0.1', port, timeout: 500, agent: false }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode === 200)).on('error', () => resolve(false))
    })
    asking.on('error', () => resolve(false)).on('timeout', () => asking.destroy())
    asking.end()
  })

/** The longest time without an answer, asked every 5 ms while something is done. */
const gapWhile = async (port: number, work: () => Promise<unknown>): Promise<number> => {
  let isOver = false
  let lastAt = performance.now()
  let longest = 0
  const asking = (async () => {
    // Until one more answer: a gap is only known when it is over.
    for (let isAnswered = false; !isOver || !isAnswered; ) {
      const startedAt = performance.now()
      isAnswered = await get(port)
      if (isAnswered) {
        longest = Math.max(longest, performance.now() - lastAt)
        lastAt = performance.now()
      }
      await delay(Math.max(0, 5 - (performance.now() - startedAt)))
    }
  })()
  await delay(200)
  await work()
  await delay(300)
  isOver = true
  await asking
  return longest
}

const untilAnswers = async (port: number): Promise<void> => {
  while (!(await get(port))) await delay(10)
}

const web = (a: string, port: number): Service => ({
  image: exampleImageTag,
  environment: { A: a },
  ports: [{ target: 8080, published: port, protocol: 'tcp' }],
  deploy: { update_config: { monitor: '300ms' } },
})

const createRaw = (name: string, a: string, port: number | undefined, more: object = {}) =>
  call('POST', `/containers/create?name=${prefix}${name}`, {
    Image: exampleImageTag,
    Env: [`A=${a}`],
    ExposedPorts: { '8080/tcp': {} },
    ...more,
    HostConfig: {
      RestartPolicy: { Name: 'unless-stopped' },
      ...(port === undefined ? {} : { PortBindings: { '8080/tcp': [{ HostPort: String(port) }] } }),
    },
  })
const removeRaw = (name: string) => call('DELETE', `/containers/${prefix}${name}?force=1`)

const gaps = { ours: [] as number[], raw: [] as number[], compose: [] as number[], swarm: [] as number[] }
const hasCompose = await run('docker-compose', ['version']).then(
  () => true,
  () => false,
)

/** A swarm of this engine alone, made for the bench and left after it, unless the engine is in one of its own. */
const openSwarm = async (): Promise<{ readonly isOpen: boolean; readonly close: () => Promise<unknown> }> => {
  const { json } = await call('GET', '/info')
  const { Swarm } = json as { Swarm?: { LocalNodeState?: string } }
  if (Swarm?.LocalNodeState !== 'inactive') return { isOpen: false, close: async () => undefined }
  const { status } = await call('POST', '/swarm/init', { ListenAddr: '127.0.0.1:2377', AdvertiseAddr: '127.0.0.1' })
  const isOpen = status === 200
  if (isOpen) say('this engine is made a swarm for as long as the bench runs')
  return { isOpen, close: async () => (isOpen ? await call('POST', '/swarm/leave?force=true') : undefined) }
}

const swarmService = (a: string, port: number, name: string) => ({
  Name: name,
  TaskTemplate: { ContainerSpec: { Image: exampleImageTag, Env: [`A=${a}`] } },
  Mode: { Replicated: { Replicas: 1 } },
  UpdateConfig: { Order: 'stop-first', Monitor: 300_000_000 },
  EndpointSpec: { Ports: [{ TargetPort: 8080, PublishedPort: port, PublishMode: 'host' }] },
})

const measureSwarmGap = async (port: number, name: string): Promise<number> => {
  const made = await call('POST', '/services/create', swarmService('1', port, name))
  const { ID } = made.json as { ID: string }
  await untilAnswers(port)
  await delay(500)
  const gap = await gapWhile(port, async () => {
    const { json } = await call('GET', `/services/${ID}`)
    const { Index } = (json as { Version: { Index: number } }).Version
    await call('POST', `/services/${ID}/update?version=${Index}`, swarmService('2', port, name))
    for (;;) {
      const state = (await call('GET', `/services/${ID}`)).json as { UpdateStatus?: { State?: string } }
      if (state.UpdateStatus?.State === 'completed') return
      await delay(50)
    }
  })
  await call('DELETE', `/services/${ID}`)
  return gap
}

const measureGaps = async (hasSwarm: boolean): Promise<void> => {
  for (let round = 0; round <= rounds; round += 1) {
    const port = nextPort++
    const app = `gap${round}`
    await bench.deploy(app, { web: web('1', port) })
    await untilAnswers(port)
    const ours = await gapWhile(port, () => bench.deploy(app, { web: web('2', port) }))
    await bench.remove(app)

    await createRaw(`old${round}`, '1', port)
    await call('POST', `/containers/${prefix}old${round}/start`)
    await untilAnswers(port)
    await createRaw(`new${round}`, '2', port)
    const raw = await gapWhile(port, async () => {
      await call('POST', `/containers/${prefix}old${round}/stop`)
      await call('POST', `/containers/${prefix}new${round}/start`)
      await untilAnswers(port)
    })
    await Promise.all([removeRaw(`old${round}`), removeRaw(`new${round}`)])

    let compose = Number.NaN
    if (hasCompose) {
      const up = async (a: string): Promise<void> => {
        await writeFile(
          join(folder, 'compose.yaml'),
          `version: "3"\nservices:\n  web:\n    image: ${exampleImageTag}\n    environment: {A: "${a}"}\n    ports: ["${port}:8080"]\n`,
        )
        await run('docker-compose', ['-p', `${prefix}c`, '-f', 'compose.yaml', 'up', '-d'], { cwd: folder })
      }
      await up('1')
      await untilAnswers(port)
      compose = await gapWhile(port, () => up('2'))
      await run('docker-compose', ['-p', `${prefix}c`, '-f', 'compose.yaml', 'down'], { cwd: folder })
    }
    const swarm = hasSwarm ? await measureSwarmGap(port, `${prefix}swarm${round}`) : Number.NaN
    // The first round warms up.
    if (round === 0) continue
    if (hasSwarm) gaps.swarm.push(swarm)
    gaps.ours.push(ours)
    gaps.raw.push(raw)
    if (hasCompose) gaps.compose.push(compose)
  }
}

const timesOf = async (name: string): Promise<{ readonly startedAt: number; readonly finishedAt: number }> => {
  const { json } = await call('GET', `/containers/${prefix}${name}/json`)
  const { StartedAt, FinishedAt } = (json as { State: { StartedAt: string; FinishedAt: string } }).State
  return { startedAt: Date.parse(StartedAt), finishedAt: Date.parse(FinishedAt) }
}

const rollbacks = { ours: [] as number[], raw: [] as number[] }

/** From the end of the container that cannot work to the start of the one before, by the engine's own clock. */
const measureRollbacks = async (): Promise<void> => {
  const good: Service = { image: exampleImageTag, deploy: { update_config: { monitor: '300ms' } } }
  const script = 'date +%s%N > /data/ended; exit 3'
  const bad: Service = { ...good, command: ['sh', '-c', script], restart: 'unless-stopped' }
  for (let round = 0; round <= rounds; round += 1) {
    const app = `back${round}`
    await bench.deploy(app, { web: good })
    const events = await collectEvents(app, () => bench.deploy(app, { web: bad }))
    await bench.remove(app)
    const died = events.find(({ action }) => action === 'die')
    const started = events.filter(({ action }) => action === 'start').at(-1)
    const ours = ((started?.at ?? Number.NaN) - (diedOfBad(events) ?? died?.at ?? Number.NaN)) / 1e6

    await createRaw(`bad${round}`, '2', undefined, { Cmd: ['sh', '-c', script] })
    await call('POST', `/containers/${prefix}bad${round}/start`)
    let finishedAt = 0
    while (finishedAt <= 0) finishedAt = (await timesOf(`bad${round}`)).finishedAt
    await call('POST', `/containers/${prefix}bad${round}/stop`)
    await createRaw(`good${round}`, '1', undefined)
    await call('POST', `/containers/${prefix}good${round}/start`)
    const raw = (await timesOf(`good${round}`)).startedAt - finishedAt
    await Promise.all([removeRaw(`bad${round}`), removeRaw(`good${round}`)])
    if (round === 0) continue
    rollbacks.ours.push(ours)
    rollbacks.raw.push(raw)
  }
}

type Seen = { readonly action: string; readonly at: number; readonly exitCode: string | undefined }

const diedOfBad = (events: readonly Seen[]): number | undefined =>
  events.find(({ action, exitCode }) => action === 'die' && exitCode === '3')?.at

const collectEvents = async (app: string, work: () => Promise<unknown>): Promise<Seen[]> => {
  const since = Date.now() / 1000
  await work()
  await delay(50)
  const filters = encodeURIComponent(JSON.stringify({ label: [`io.longshore.app=${app}`], type: ['container'] }))
  const text = await rawText(`/events?since=${since}&until=${Date.now() / 1000}&filters=${filters}`)
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(
      (line) => JSON.parse(line) as { Action: string; timeNano: number; Actor: { Attributes: { exitCode?: string } } },
    )
    .map(({ Action, timeNano, Actor }) => ({ action: Action, at: timeNano, exitCode: Actor.Attributes.exitCode }))
}

const rawText = (path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    request({ socketPath: bench.socketPath, path }, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += String(chunk)
      })
      response.on('end', () => resolve(text))
    })
      .on('error', reject)
      .end()
  })

/** Requests of a client in the network of the app, over as many updates as there are rounds. */
const measureSeamless = async (): Promise<{ good: number; bad: number }> => {
  const services = (a: string): Record<string, Service> => ({
    web: {
      image: exampleImageTag,
      environment: { A: a },
      healthcheck: { test: ['CMD', 'wget', '-qO-', 'http://127.0.0.1:8080/'], interval: '1s' },
      deploy: { update_config: { monitor: '300ms', order: 'start-first' } },
    },
    client: {
      image: exampleImageTag,
      command: ['sh', '-c', clientScript('web')],
      depends_on: { web: { condition: 'service_healthy' } },
    },
  })
  for (let round = 0; round <= rounds; round += 1) await bench.deploy('seamless', services(String(round)))
  const { json } = await call('GET', `/containers/${prefix}seamless-client-1/json`)
  const text = await rawText(`/containers/${(json as { Id: string }).Id}/logs?stdout=1&stderr=0`)
  await bench.remove('seamless')
  return { good: text.split('good').length - 1, bad: text.split('bad').length - 1 }
}

/** ms of planning once for each of so many apps of three services, all as wanted. */
const planningMs = (apps: number): number => {
  const model = serviceModel({ web: {}, db: {}, worker: { depends_on: { db: { condition: 'service_started' } } } })
  const deployment = assignment(model)
  const input = planInput(
    committed(deployment),
    observing(
      model,
      ['web', 'db', 'worker'].map((name) => container(deployment, name)),
    ),
  )
  for (let index = 0; index < 200; index += 1) planned(input)
  const startedAt = performance.now()
  for (let index = 0; index < apps; index += 1) planned(input)
  return performance.now() - startedAt
}

try {
  say(`updates, ${rounds} rounds in turn; Node ${process.version}`)
  const swarm = await openSwarm()
  await measureGaps(swarm.isOpen).finally(swarm.close)
  sayTimes('stop-first, longest gap: Longshore', gaps.ours)
  sayTimes('stop-first, longest gap: raw stop + start', gaps.raw)
  sayRatio('  ratio', gaps.ours, gaps.raw)
  if (hasCompose) {
    sayTimes('stop-first, longest gap: docker-compose up -d', gaps.compose)
    sayRatio('  ratio', gaps.ours, gaps.compose)
  }
  if (swarm.isOpen) {
    sayTimes('stop-first, longest gap: Swarm', gaps.swarm)
    sayRatio('  ratio', gaps.ours, gaps.swarm)
  }
  await measureRollbacks()
  sayTimes('rollback, end of the failed to start of the old: Longshore', rollbacks.ours)
  sayTimes('rollback: raw stop + create + start', rollbacks.raw)
  sayRatio('  ratio', rollbacks.ours, rollbacks.raw)
  const { good, bad } = await measureSeamless()
  say(`start-first, ${rounds} updates: ${bad} of ${good + bad} requests failed`)
  const [ten, hundred, more] = [planningMs(10), planningMs(100), planningMs(300)]
  say(
    `planning 10, 100, 300 apps of 3 services with nothing to do: ${[ten, hundred, more].map((ms) => `${ms.toFixed(1)} ms`).join(', ')}`,
  )
} finally {
  await bench.close()
  await rm(folder, { recursive: true, force: true })
}
