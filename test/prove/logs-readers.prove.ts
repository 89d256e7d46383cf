/** 30 readers follow one log, ten of them frozen: the others have all of it, and the device neither waits nor grows. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import { newDeviceId, openFleet, removeEverythingOf } from '../support/agents.ts'
import { brokers } from '../support/brokers.ts'
import { openCampaign } from '../support/campaign.ts'
import { type BuiltCommand, buildCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import type { LogReadersInput } from '../support/log-readers.ts'
import { modelOf } from '../support/models.ts'
import { deployAndWait } from '../support/story.ts'

const campaign = openCampaign('logs-readers')
const perGroup = 10
const lineCount = 60_000
const filling = 'x'.repeat(90)
const text = Array.from({ length: lineCount }, (_, index) => `${index + 1} ${filling}\n`).join('')

let built: BuiltCommand
beforeAll(async () => {
  built = await buildCommand()
})
afterAll(() => built.remove())

const start = (parameters: readonly string[]) => {
  const child = spawn(process.execPath, [...parameters], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  return { child, exited, output: () => output }
}

const rssOf = async (pid: number | undefined): Promise<number> =>
  Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

test.each(brokers)(
  'on $name',
  async ({ name, start: startBroker }) => {
    await campaign.step(name, async () => {
      const { url, stop } = await startBroker()
      onTestFinished(stop)
      const device = newDeviceId()
      const state = await mkdtemp(join(tmpdir(), 'longshore-readers-'))
      onTestFinished(async () => {
        await removeEverythingOf(device)
        await rm(state, { recursive: true, force: true })
      }, 60_000)
      const settings = {
        ...{ device, broker: url, state, engine: `unix://${inject('socketPath')}`, namePrefix: `${device}-` },
        logBytesPerDay: 0,
      }
      await writeFile(join(state, 'agent.yaml'), JSON.stringify(settings))
      // As the systemd unit starts it.
      const agent = start(['--optimize-for-size', built.path, 'agent', '--config', join(state, 'agent.yaml')])
      const fleet = await openFleet(url)
      await eventually('the agent to run', () => agent.output().includes('connected'))
      const web = {
        command: ['sh', '-c', `seq ${lineCount} | sed 's/$/ ${filling}/'; while :; do sleep 1; done`],
        network_mode: 'none',
        stop_grace_period: '0s',
        logging: { driver: 'json-file' },
      }
      await deployAndWait(fleet, device, modelOf('shop', { web }))

      const before = await rssOf(agent.child.pid)
      let most = before
      const watching = setInterval(() => {
        rssOf(agent.child.pid).then(
          (now) => {
            most = Math.max(most, now)
          },
          () => undefined,
        )
      }, 100)
      onTestFinished(() => clearInterval(watching))
      const input: LogReadersInput = { url, device, app: 'shop', count: perGroup, bytes: text.length }
      const program = join(dirname(built.path), 'test', 'log-readers.mjs')
      const groups = [0, 1, 2].map(() => start([program, JSON.stringify(input)]))
      const [frozen, ...others] = groups
      await eventually('all to have begun', () => groups.every(({ output }) => output().includes('begun')), {
        timeoutMs: 120_000,
      })
      frozen?.child.kill('SIGSTOP')
      await Promise.all(others.map(({ exited }) => exited))
      const whole = `read ${text.length} ${createHash('sha256').update(text).digest('hex')}`
      for (const { output } of others)
        expect(output().trim().split('\n')).toEqual(['begun', ...Array.from({ length: perGroup }, () => whole)])

      // The device has given up on the frozen ones by then, and takes as many others.
      await new Promise((resolve) => setTimeout(resolve, 75_000))
      clearInterval(watching)
      process.stdout.write(`${name}: the agent grew by ${(most - before).toFixed(1)} MB\n`)
      expect(most - before).toBeLessThan(60)
      frozen?.child.kill('SIGCONT')
      await frozen?.exited
      const ends = frozen?.output().trim().split('\n').slice(1) ?? []
      expect(ends).toHaveLength(perGroup)
      // Whoever wakes is told that it was given up on, or sees by itself that it heard nothing for long.
      for (const end of ends) expect(['failed reader-too-slow', 'failed no-answer']).toContain(end)
      return 3 * perGroup
    })
  },
  400_000,
)
