/** Kinds of updates on a real engine, with the agent killed at one point of each and started again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, inject } from 'vitest'
import type { Model, Service } from '../../src/compose/model.ts'
import { assignRemoval, type Deployed } from '../../src/fleet/deploy.ts'
import { connectFleet, type Fleet } from '../../src/fleet/fleet.ts'
import { docker, newDeviceId, removeEverythingOf, silent } from './agents.ts'
import { type BrokerUnderTest, brokers } from './brokers.ts'
import { type BuiltCommand, buildCommand } from './command.ts'
import type { CrashInput } from './crashing-agent.ts'
import { eventually } from './eventually.ts'
import { modelOf } from './models.ts'
import { containersOf, deployAndWait, endingFor, send } from './story.ts'

export type Cut = { readonly at: number; readonly isAfter: boolean }

type Scenario = {
  readonly before?: Model
  readonly act: (fleet: Fleet, device: string) => Promise<Deployed>
  readonly outcome: string
  /** what SAYS of the service web is in the end; undefined: nothing is left */
  readonly says: string | undefined
}

const quick = { deploy: { update_config: { monitor: '800ms' }, rollback_config: { monitor: '300ms' } } }
const on = { depends_on: { db: { condition: 'service_started' as const } } }
const data = { volumes: [{ type: 'volume' as const, source: 'data', target: '/data' }] }
const shop = (says: string, more: Partial<Service> = {}, others: Record<string, Partial<Service>> = {}): Model =>
  modelOf(
    'shop',
    { web: { ...quick, ...on, environment: { SAYS: says }, ...more }, db: { ...quick, ...data }, ...others },
    { volumes: { data: {} } },
  )
const seamless = { deploy: { ...quick.deploy, update_config: { monitor: '800ms', order: 'start-first' as const } } }
const broken = { command: ['sh', '-c', 'sleep 0.2; exit 3'], restart: 'unless-stopped' }
/** A job that tells in a volume how often it ran. */
const job = { command: ['sh', '-c', 'echo ran >> /data/runs'], restart: 'no', ...data }
const after = { depends_on: { job: { condition: 'service_completed_successfully' as const } } }
const deploying = (model: Model) => (fleet: Fleet, device: string) => send(fleet, device, model)

export const scenarios: Readonly<Record<string, Scenario>> = {
  'first deployment': { act: deploying(shop('1')), outcome: 'succeeded', says: '1' },
  'update, stop-first': { before: shop('1'), act: deploying(shop('2')), outcome: 'succeeded', says: '2' },
  'update, start-first': {
    before: shop('1', seamless),
    act: deploying(shop('2', seamless)),
    outcome: 'succeeded',
    says: '2',
  },
  'failing update': { before: shop('1'), act: deploying(shop('2', broken)), outcome: 'rolled-back', says: '1' },
  'update with a job': {
    before: shop('1'),
    act: deploying(shop('2', { ...after }, { job })),
    outcome: 'succeeded',
    says: '2',
  },
  removal: {
    before: shop('1'),
    act: (fleet, device) => assignRemoval(fleet, {}, { device, app: 'shop', by: 'test', now: Date.now() }),
    outcome: 'succeeded',
    says: undefined,
  },
}

/** Runs one scenario, cut at one point; returns the names of the points that the act went through before the cut. */
export const runCut = async (name: string, cut?: Cut): Promise<string[]> => {
  const scenario = scenarios[name] as Scenario
  const broker = await (brokers[0] as BrokerUnderTest).start()
  const device = newDeviceId()
  const state = await mkdtemp(join(tmpdir(), 'longshore-state-'))
  const fleet = await connectFleet({ broker: { url: broker.url }, root: 'longshore', log: silent })
  const config = {
    device,
    broker: broker.url,
    state,
    engine: `unix://${inject('socketPath')}`,
    namePrefix: `${device}-`,
    policy: join(state, 'no-policy.yaml'),
  }
  let agent = await startCrashingAgent({ config })
  try {
    if (scenario.before !== undefined)
      expect(await deployAndWait(fleet, device, scenario.before)).toMatchObject({ outcome: 'succeeded' })
    await agent.kill()
    agent = await startCrashingAgent({ config, ...(cut === undefined ? {} : { crash: cut }) })
    const deployed = await scenario.act(fleet, device)
    const ending = endingFor(fleet, deployed, 60_000)
    ending.catch(() => undefined)
    const { points } = agent
    if (cut !== undefined) {
      await Promise.race([agent.ended, ending])
      agent = await startCrashingAgent({ config })
    }
    expect(await ending).toMatchObject({ outcome: scenario.outcome })
    await expectEnd(device, scenario)
    return [...points]
  } finally {
    await agent.kill()
    await fleet.close()
    await broker.stop()
    await removeEverythingOf(device)
    await rm(state, { recursive: true, force: true })
  }
}

const expectEnd = async (device: string, { says, before }: Scenario): Promise<void> => {
  const names = ['db', 'web'].map((service) => `${device}-shop-${service}-1 running`)
  const expected = says === undefined ? [] : names
  // What is cleared up after the outcome was told may take a moment more.
  await eventually(
    'all to be as it should be in the end',
    async () => {
      const found = (await namesOf(device)).filter((text) => !text.includes('-job-1 exited'))
      expect(found).toEqual(expected)
      return true
    },
    { timeoutMs: 15_000 },
  )
  const { Volumes } = await docker().listVolumes({ filters: { label: [`io.longshore.agent=${device}`] } })
  if (before !== undefined || says !== undefined)
    expect(Volumes.map(({ Name }) => Name)).toEqual([`${device}-shop_data`])
  if (says === undefined) return
  const { Config } = await docker().getContainer(`${device}-shop-web-1`).inspect()
  expect(Config.Env).toContain(`SAYS=${says}`)
  expect(await linesOf(`${device}-shop-db-1`, '/data/runs')).toBeLessThanOrEqual(1)
}

const namesOf = async (device: string): Promise<string[]> =>
  (await containersOf(device)).map(({ name, state }) => `${name} ${state}`)

const linesOf = async (container: string, path: string): Promise<number> => {
  const exec = await docker()
    .getContainer(container)
    .exec({ Cmd: ['sh', '-c', `cat ${path} 2>/dev/null | wc -l`], AttachStdout: true, Tty: true })
  const stream = await exec.start({ Tty: true })
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return Number(text.trim())
}

type RunningAgent = {
  readonly points: readonly string[]
  readonly ended: Promise<unknown>
  readonly kill: () => Promise<void>
}

let built: Promise<BuiltCommand> | undefined

/** The program that is killed, built once a test file and not in `dist`, which others may build anew meanwhile. */
export const buildCrashingAgent = async (): Promise<void> => {
  built ??= buildCommand()
  await built
}

export const removeCrashingAgent = async (): Promise<void> => (await built)?.remove()

export const startCrashingAgent = async (input: CrashInput): Promise<RunningAgent> => {
  await buildCrashingAgent()
  const program = join(dirname((await built)?.path ?? ''), 'test/crashing-agent.mjs')
  const child: ChildProcess = spawn(process.execPath, [program, JSON.stringify(input)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const points: string[] = []
  if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (line) => points.push(line))
  const ended = once(child, 'exit')
  return {
    points,
    ended,
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}
