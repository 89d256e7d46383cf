/** What `longshore doctor` finds out about brokers that are fit, and about some that are not. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { examineBroker } from '../../../src/cli/doctor/broker/examine-broker.ts'
import { type BrokerUnderTest, brokers, natsCluster } from '../../support/brokers.ts'
import { type BuiltCommand, buildCommand, runCommand } from '../../support/command.ts'
import { startMosquitto } from '../../support/mosquitto.ts'
import { openClient } from '../../support/mqtt.ts'

const examine = async (url: string, input: { root?: string; username?: string; timeoutMs?: number } = {}) => {
  const { root = 'longshore', username, timeoutMs = process.env.TEST_BROKER === 'nats' ? 5_000 : 1_000 } = input
  const broker = { url, ...(username === undefined ? {} : { username }) }
  const findings = await examineBroker({
    broker,
    root,
    scratch: `${root}/v1/doctor-test`,
    timeoutMs,
  })
  return new Map(findings.map((finding) => [finding.check, finding]))
}

const start = async ({ start: startIt }: BrokerUnderTest) => {
  const { url, stop } = await startIt()
  onTestFinished(stop)
  return url
}

const remains = async (url: string): Promise<string[]> => {
  const reader = await openClient(url)
  await reader.client.subscribeAsync(['longshore/#', 'end'], { qos: 1 })
  await reader.client.publishAsync('end', 'end', { qos: 1 })
  await reader.expect('end')
  return reader.received.map(({ topic }) => topic).filter((topic) => topic !== 'end')
}

const verdicts = (findings: Awaited<ReturnType<typeof examine>>, verdict: string): string[] =>
  [...findings.values()].filter((finding) => finding.verdict === verdict).map(({ check }) => check)

describe.each(brokers)('$name', (broker) => {
  test('is fit, and nothing is left on it', async () => {
    const url = await start(broker)
    const findings = await examine(url)
    expect(verdicts(findings, 'fails')).toEqual([])
    const { name } = broker
    expect(verdicts(findings, 'note')).toEqual(
      name === natsCluster.name ? ['dots in topics', 'shared subscriptions'] : [],
    )
    expect(findings.get('payload')?.found).toBe('262144 bytes pass')
    expect(findings.get('MQTT versions')?.found).toBe(name === 'Mosquitto' ? '3.1.1 and 5' : '3.1.1')
    expect(await remains(url)).toEqual([])
  })
})

describe('a Mosquitto that is badly set up', () => {
  const examineWith = async (extraConfig: readonly string[], acl?: string, username?: string) => {
    const { url, stop } = await startMosquitto({ extraConfig, ...(acl === undefined ? {} : { acl }) })
    onTestFinished(stop)
    return examine(url, username === undefined ? {} : { username })
  }

  test('one that takes small packets only', async () => {
    const findings = await examineWith(['max_packet_size 20000'])
    expect(verdicts(findings, 'fails')).toEqual(['payload'])
    expect(findings.get('payload')).toMatchObject({
      found: '16384 bytes pass, 32768 do not',
      remedy: expect.stringContaining('maxBytes: 16384'),
    })
  })

  test('one that keeps no retained messages', async () => {
    const findings = await examineWith(['retain_available false'])
    expect(verdicts(findings, 'fails')).toEqual(expect.arrayContaining(['retained', 'retained, with wildcards']))
    expect(findings.get('QoS 1')?.verdict).toBe('ok')
  })

  test('one that drops what waits', async () => {
    const findings = await examineWith(['max_queued_messages 3', 'max_inflight_messages 1'])
    expect(verdicts(findings, 'fails')).toEqual(['session'])
  })

  test('one whose rules let this user read and not write', async () => {
    const findings = await examineWith([], 'user viewer\ntopic read #\n', 'viewer')
    expect(verdicts(findings, 'fails')).toEqual(expect.arrayContaining(['QoS 1', 'rights of an operator']))
    expect(findings.get('rights of an operator')?.found).toContain('publish to longshore/v1/DEVICE/desired/app')
  })

  test('one whose rules let this user deploy and not command', async () => {
    const acl =
      'user ada\ntopic read #\ntopic write longshore/v1/+/desired/+\ntopic write longshore/v1/+/secret/+\ntopic write longshore/v1/doctor-test/#\n'
    const findings = await examineWith([], acl, 'ada')
    expect(verdicts(findings, 'fails')).toEqual(['rights of an operator'])
    expect(findings.get('rights of an operator')?.found).toBe(
      'this user may not publish to longshore/v1/DEVICE/command/id',
    )
  })
})

test('a root with dots does not work on NATS before 2.10', async () => {
  const url = await start(natsCluster)
  const findings = await examine(url, { root: 'plant.north', timeoutMs: 5_000 })
  expect(findings.get('dots in topics')?.verdict).toBe('fails')
})

describe('the command', () => {
  let built: BuiltCommand
  beforeAll(async () => {
    built = await buildCommand()
  })
  afterAll(() => built.remove())

  test('says it in words and as JSON; unfit is 1, and a password in the address is not shown', async () => {
    const { port, stop } = await startMosquitto({ extraConfig: ['max_packet_size 20000'] })
    onTestFinished(stop)
    const url = `mqtt://ada:hidden@127.0.0.1:${port}`
    const [words, json] = await Promise.all([
      runCommand(built.path, ['doctor', '--broker', url, '--timeout', '2']),
      runCommand(built.path, ['doctor', '--broker', url, '--timeout', '2', '--json']),
    ])
    expect(words).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('fails  payload: 16384 bytes pass') })
    expect(words.stdout).toMatch(/→ .*maxBytes: 16384/)
    expect(json).toMatchObject({ exitCode: 1 })
    expect(JSON.parse(json.stdout)).toMatchObject({ broker: `mqtt://127.0.0.1:${port}`, fit: false })
    expect(words.stdout + words.stderr + json.stdout).not.toContain('hidden')
  })

  test('nobody there is said once, with what to do', async () => {
    const { exitCode, stdout } = await runCommand(built.path, ['doctor', '--broker', 'mqtt://127.0.0.1:1'])
    expect({ exitCode, lines: stdout.split('fails  ').length - 1 }).toEqual({ exitCode: 1, lines: 1 })
  })
})
