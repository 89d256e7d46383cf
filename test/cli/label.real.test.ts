/** Labels, set and listed with the built command on an agent with a configuration and a policy. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { fixedPolicy } from '../../agent/fixed-policy.ts'
import { startTestAgent, type TestAgentOptions } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { type BuiltCommand, buildCommand, type Ran, runCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'

let built: BuiltCommand

beforeAll(async () => {
  built = await buildCommand()
})
afterAll(() => built.remove())

const open = async (more: Partial<TestAgentOptions> = {}) => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const { device } = await startTestAgent({ url, labels: { line: '3', site: 'hall' }, ...more })
  const label = (...parameters: string[]): Promise<Ran> =>
    runCommand(built.path, ['label', ...parameters, '--device', device], { env: { LONGSHORE_BROKER: url } })
  const listed = (labels: object | null) =>
    eventually(`the labels ${JSON.stringify(labels)}`, async () => {
      expect(JSON.parse((await label('--json')).stdout)).toEqual({ device, labels })
      return true
    })
  return { device, label, listed }
}

test('labels are set, changed, removed and listed', async () => {
  const { device, label, listed } = await open()
  await listed({ line: '3', site: 'hall' })
  expect(await label('line=4', 'zone=a', 'site-')).toMatchObject({
    exitCode: 0,
    stdout: `${device}: line=4, zone=a, site-\n`,
  })
  await listed({ line: '4', zone: 'a' })
  expect((await label()).stdout).toMatch(/DEVICE +LABEL +VALUE\n.* line +4\n.* zone +a\n/)
  expect(JSON.parse((await label('zone-', '--json')).stdout)).toMatchObject({
    outcome: 'done',
    result: { labels: { line: '4' } },
  })
  expect(await label('zone')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('NAME=VALUE') })
})

test('a policy may keep labels from being set', async () => {
  const { label, listed } = await open({ policy: fixedPolicy({ commands: ['plan'] }) })
  await listed({ line: '3', site: 'hall' })
  const refused = await label('line=4')
  expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('commands: [set-labels]') })
})
