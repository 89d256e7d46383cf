/** The daemon as a process: it never ends in silence, ends when it is told to, and stays small. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { newDeviceId } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { type BuiltCommand, buildCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import type { FloodedAgentResult } from '../support/flooded-agent.ts'
import { newStateFolder } from '../support/linked-agent.ts'
import { openClient } from '../support/mqtt.ts'
import { openLine } from '../support/tcp-line.ts'

let built: BuiltCommand
beforeAll(async () => {
  built = await buildCommand()
})
afterAll(() => built.remove())

type Daemon = { readonly child: ChildProcess; readonly output: () => string; readonly exited: Promise<unknown[]> }

/** `longshore agent`, with a line of code that runs in it besides. */
const startDaemon = async (url: string, device: string, code = ''): Promise<Daemon> => {
  const state = await newStateFolder()
  const engine = 'unix:///nonexistent.sock'
  const secrets = await newStateFolder()
  const settings = Object.entries({ device, broker: url, state, secrets, engine }).flatMap(([key, value]) => [
    `--${key}`,
    value,
  ])
  const child = spawn(process.execPath, [built.path, 'agent', ...settings], {
    env: {
      ...process.env,
      JOURNAL_STREAM: undefined,
      NODE_OPTIONS: code === '' ? '' : `--import=data:text/javascript,${encodeURIComponent(code)}`,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  let output = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  return { child, output: () => output, exited }
}

test.each([
  ['a promise that nobody minds', 'Promise.reject(new Error("lost"))', 'unhandled rejection; ending'],
  ['an exception that nobody catches', '(() => { throw new Error("lost") })()', 'uncaught exception; ending'],
])('%s ends it with a word and code 1, so that its supervisor starts it again', async (_name, code, said) => {
  const daemon = await startDaemon('mqtt://127.0.0.1:1', newDeviceId(), `process.once('SIGUSR2', () => ${code})`)
  await eventually('it to run', () => daemon.output().includes('the agent runs'))
  daemon.child.kill('SIGUSR2')
  expect(await daemon.exited).toEqual([1, null])
  const last = JSON.parse(daemon.output().trim().split('\n').at(-1) ?? '')
  expect(last).toMatchObject({ level: 'fatal', msg: said, err: { message: 'lost' } })
})

test.each(['cut', 'freeze'] as const)(
  'SIGTERM while the link is away (%s): it ends within 3 s, with code 0',
  async (how) => {
    const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
    onTestFinished(stop)
    const line = await openLine(Number(new URL(url).port))
    const device = newDeviceId()
    const daemon = await startDaemon(line.url, device)
    const watcher = await openClient(url)
    await watcher.client.subscribeAsync(`longshore/v1/${device}/inventory`, { qos: 1 })
    await watcher.expect(`longshore/v1/${device}/inventory`)
    line[how]()
    if (how === 'cut') await eventually('it to notice', () => daemon.output().includes('trying again'))
    const sinceMs = performance.now()
    daemon.child.kill('SIGTERM')
    expect(await daemon.exited).toEqual([0, null])
    expect(performance.now() - sinceMs).toBeLessThan(3_000)
    expect(daemon.output()).toContain('stopped')
  },
)

test('20,000 events and 200 connections that do not last make it no larger', async () => {
  const config = {
    device: 'flooded',
    broker: 'mqtt://x',
    state: await newStateFolder(),
    secrets: await newStateFolder(),
    engine: 'unix:///nonexistent.sock',
  }
  const program = join(dirname(built.path), 'test/flooded-agent.mjs')
  const input = JSON.stringify({ config, events: 20_000, flaps: 200 })
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', program, input], { timeout: 60_000 })
  const { connections, heapBytes, residentBytes } = JSON.parse(stdout) as FloodedAgentResult
  expect(connections).toBeGreaterThanOrEqual(200)
  expect(heapBytes).toBeLessThan(4_000_000)
  expect(residentBytes).toBeLessThan(20_000_000)
})
