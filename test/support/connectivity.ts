/** A device whose link comes and goes, as Azure IoT Edge tests its own, and what must hold whatever the link does. */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished } from 'vitest'
import type { Model } from '../../src/compose/model.ts'
import type { Fleet } from '../../src/fleet/fleet.ts'
import { newDeviceId, openFleet } from './agents.ts'
import type { BrokerUnderTest } from './brokers.ts'
import { type EventCounter, startEventCounter } from './event-counter.ts'
import { eventually } from './eventually.ts'
import { startMosquitto } from './mosquitto.ts'
import { type Network, openNetwork } from './network.ts'
import type { OfflineAgentInput } from './offline-agent.ts'
import { reportOf, send } from './story.ts'
import { openLine, type TcpLine } from './tcp-line.ts'

export type AgentProcess = {
  /** numbers of the events that are safe, by what the agent said */
  readonly kept: ReadonlySet<number>
  /** generations of the containers that were started, in order */
  readonly started: readonly number[]
  readonly next: () => number
  readonly kill: () => Promise<void>
  readonly start: () => void
  /** The first container ends by itself, and its restart policy starts it again. */
  readonly endService: () => void
  readonly residentBytes: () => Promise<number>
}

/**
 * The daemon as a process of its own, on a simulated engine; gone at the end of the test.
 * @param within a command that runs another one elsewhere, and becomes it
 */
export const startOfflineAgent = async (
  command: string,
  { config, everyMs }: Pick<OfflineAgentInput, 'config' | 'everyMs'>,
  within: readonly string[] = [],
): Promise<AgentProcess> => {
  const path = join(dirname(command), 'test/offline-agent.mjs')
  const kept = new Set<number>()
  const started: number[] = []
  let next = 1
  let child: ReturnType<typeof spawn> | undefined
  let exited: Promise<void> = Promise.resolve()
  const start = (): void => {
    const input = JSON.stringify({ config, from: next, everyMs })
    const [program = '', ...parameters] = [...within, process.execPath, path, input]
    const made = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'inherit'] })
    child = made
    exited = new Promise((resolve) => made.once('close', () => resolve()))
    createInterface({ input: made.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const [word, number] = line.split(' ')
      if (word === 'try') next = Number(number) + 1
      if (word === 'kept') kept.add(Number(number))
      if (word === 'started') started.push(Number(number))
    })
  }
  const kill = async (): Promise<void> => {
    child?.kill('SIGKILL')
    await exited
  }
  onTestFinished(kill)
  start()
  return {
    kept,
    started,
    next: () => next,
    kill,
    start,
    endService: () => void child?.kill('SIGUSR2'),
    residentBytes: async () => {
      const status = await readFile(`/proc/${child?.pid}/status`, 'utf8')
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024
    },
  }
}

export type Connectivity = {
  readonly broker: BrokerUnderTest
  /** of the built command */
  readonly command: string
  readonly offMs: number
  readonly onMs: number
  readonly times: number
  /** how the link goes: cut at once; frozen, so that nobody is told; or packets dropped, so that the kernel tries again */
  readonly how?: 'cut' | 'freeze' | 'drop'
  readonly slow?: { readonly ms: number; readonly jitterMs: number; readonly cutShare: number }
}

export type ConnectivityResult = { readonly events: number; readonly duplicates: number; readonly connections: number }

const modelOf = (release: string): Model => ({
  name: 'shop',
  services: {
    web: { image: 'web:1', environment: { RELEASE: release }, deploy: { update_config: { monitor: '100ms' } } },
  },
})

type Device = {
  readonly device: string
  readonly line: TcpLine
  readonly counter: EventCounter
  readonly fleet: Fleet
  readonly agent: AgentProcess
  /** Resolves when a deployment has succeeded. */
  readonly runs: (generation: number) => Promise<unknown>
  /** Deploys another release; resolves when the broker has it. @returns the generation */
  readonly deploy: (release: string) => Promise<number>
}

type DeviceOptions = { readonly command: string; readonly everyMs: number; readonly network?: Network }

const startDevice = async (url: string, { command, everyMs, network }: DeviceOptions): Promise<Device> => {
  const line = await openLine(Number(new URL(url).port), network?.host)
  const state = await mkdtemp(join(tmpdir(), 'longshore-offline-'))
  onTestFinished(() => rm(state, { recursive: true, force: true }))
  const device = newDeviceId()
  const secrets = `/dev/shm/longshore-test/${device}`
  onTestFinished(() => rm(secrets, { recursive: true, force: true }))
  const counter = await startEventCounter(url, device)
  const fleet = await openFleet(url)
  const config = {
    ...{ device, broker: line.url, state, secrets, engine: 'unix:///nonexistent.sock' },
    ...{ keepaliveS: 5, reconnectMaxS: 1 },
  }
  const agent = await startOfflineAgent(command, { config, everyMs }, network?.execute)
  return {
    ...{ device, line, counter, fleet, agent },
    runs: (generation) =>
      eventually(
        `generation ${generation} to run`,
        async () => {
          const report = await reportOf(fleet, device, 'shop')
          return report?.generation === generation && report.outcome === 'succeeded'
        },
        { timeoutMs: 60_000, everyMs: 100 },
      ),
    deploy: async (release) => (await send(fleet, device, modelOf(release))).deployment.generation,
  }
}

/**
 * Events all the time; while the link is down three deployments; then: nothing is lost, in whatever order the link brings
 * it, and only the newest deployment runs.
 */
export const expectNothingLost = async (scenario: Connectivity): Promise<ConnectivityResult> => {
  const { url, stop } = await scenario.broker.start()
  onTestFinished(stop)
  const network = scenario.how === 'drop' ? await openNetwork() : undefined
  const { device, line, counter, fleet, agent, runs, deploy } = await startDevice(url, {
    command: scenario.command,
    everyMs: 25,
    ...(network && { network }),
  })
  if (scenario.slow !== undefined) line.slow(scenario.slow)
  const newest = [await deploy('first')]
  await runs(newest[0] as number)

  for (let time = 1; time <= scenario.times; time += 1) {
    if (scenario.how === 'freeze') line.freeze()
    else if (scenario.how === 'drop') network?.drop()
    else line.cut()
    let generation = 0
    for (const part of ['a', 'b', 'c']) generation = await deploy(`${time}${part}`)
    newest.push(generation)
    await delay(scenario.offMs)
    line.mend()
    network?.mend()
    await delay(scenario.onMs)
    await runs(generation)
  }
  await expectRepetitionsTouchNothing(device, fleet)
  await expectAllArrived(agent, counter)
  // Where the connection outlives the gap, deployments come one by one, as over any slow link: the first may have begun,
  // and what ran before it may have come back until the newest was there.
  const started =
    scenario.how === 'drop' ? [...new Set(agent.started)].filter((one) => newest.includes(one)) : agent.started
  expect(agent.started).toEqual([...agent.started].sort((a, b) => a - b))
  expect(started).toEqual(newest)
  return { events: counter.count(), duplicates: counter.duplicates(), connections: line.connections() }
}

/** An older deployment after a newer one is refused as stale; the same again is no news. */
const expectRepetitionsTouchNothing = async (device: string, fleet: Fleet): Promise<void> => {
  const topic = fleet.topics.desired(device, 'shop')
  const newest = (await fleet.read([topic])).get(topic) as Buffer
  const { generation, ...rest } = JSON.parse(newest.toString()) as { generation: number }
  await fleet.publish(topic, Buffer.from(JSON.stringify({ ...rest, generation: generation - 1 })), { retain: true })
  const isStale = async (): Promise<boolean> => {
    const refused = (await reportOf(fleet, device, 'shop'))?.refused
    return refused?.outcome === 'stale' && refused.generation === generation - 1
  }
  await eventually('the older deployment to be refused', isStale, { timeoutMs: 30_000, everyMs: 100 })
  await fleet.publish(topic, newest, { retain: true })
  await delay(500)
}

const expectAllArrived = async (agent: AgentProcess, counter: EventCounter): Promise<void> => {
  const keptAtEnd = [...agent.kept]
  await eventually('all that was kept', () => keptAtEnd.every(counter.received), { timeoutMs: 60_000, everyMs: 100 })
  await agent.kill()
  expect(counter.gaps()).toEqual([])
}

export type Kills = {
  readonly rounds: number
  readonly command: string
  /** in [0, 1) */
  readonly random: () => number
}

/**
 * kill -9 of the agent and of the broker in turn, at random times, under events and commands: every event that was kept
 * comes, every command that the broker took while it lived has one answer.
 */
export const expectNothingLostInKills = async ({ rounds, command, random }: Kills): Promise<ConnectivityResult> => {
  const mosquitto = await startMosquitto()
  onTestFinished(mosquitto.stop)
  const { device, line, counter, agent, runs, deploy } = await startDevice(mosquitto.url, { command, everyMs: 5 })
  await runs(await deploy('first'))
  const answers = new Map<string, string>()
  const subscribe = () => counter.client.subscribeAsync(`longshore/v1/${device}/reply/+`, { qos: 1 })
  await subscribe()
  counter.client.on('message', (topic, payload) => {
    const id = /\/reply\/(.*)$/.exec(topic)?.[1]
    if (id !== undefined) answers.set(id, (JSON.parse(payload.toString()) as { outcome: string }).outcome)
  })

  for (let round = 1; round <= rounds; round += 1) {
    const isOfAgent = round % 2 === 1
    const asked: string[] = []
    const until = performance.now() + 300 + random() * 700
    while (performance.now() < until) {
      if (isOfAgent) {
        const id = `c${round}-${asked.length}`
        const ask = {
          schema: 1,
          at: Date.now(),
          verb: 'history',
          args: { app: 'shop' },
          expiresAt: Date.now() + 600_000,
        }
        await counter.client.publishAsync(`longshore/v1/${device}/command/${id}`, JSON.stringify(ask), { qos: 1 })
        asked.push(id)
      }
      await delay(random() * 40)
    }
    if (isOfAgent) {
      await agent.kill()
      agent.start()
    } else {
      await mosquitto.kill()
      line.cut()
      await mosquitto.restart()
      // This broker forgets its sessions: who counts must be there before the device is.
      await counter.connected()
      await subscribe()
      line.mend()
      // Nor does it keep commands for a device that has not subscribed again.
      const newest = Math.max(...agent.kept)
      const isBack = (): boolean => [...agent.kept].some((n) => n > newest && counter.received(n))
      await eventually('the device to be back', isBack, { timeoutMs: 30_000 })
    }
    await eventually(`the answers of round ${round}`, () => asked.every((id) => answers.has(id)), { timeoutMs: 30_000 })
  }
  await expectAllArrived(agent, counter)
  expect([...new Set(answers.values())].filter((outcome) => outcome !== 'done' && outcome !== 'failed')).toEqual([])
  return { events: counter.count(), duplicates: counter.duplicates(), connections: line.connections() }
}
