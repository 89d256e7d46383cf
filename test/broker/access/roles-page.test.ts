/** Every cell of docs/roles.md, tried on a broker. Those of a token: test/broker/enrolment. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { hashPassword } from '../../../broker/access/password-file.ts'
import { createBroker } from '../../../broker/broker.ts'
import { roleCell, roleColumns, roleTopics, roleUsers } from '../../../scripts/docs/roles-page.ts'
import { eventually } from '../../support/eventually.ts'
import { openClient } from '../../support/mqtt.ts'

const users = {
  device: 'gw-1',
  'another device': 'gw-2',
  operator: 'ada',
  'operator of this device': 'shift',
  bridge: 'plant1',
}

test('what the page of roles says is what a broker does', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-roles-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const hash = await hashPassword(Buffer.from('aright'))
  const files = { users: join(folder, 'users'), access: join(folder, 'access.yaml') }
  await writeFile(
    files.users,
    Object.values(users)
      .map((user) => `${user}:${hash}\n`)
      .join(''),
  )
  await writeFile(files.access, JSON.stringify({ users: roleUsers }))
  const broker = createBroker({ log: pino({ level: 'silent' }), port: 0, ...files })
  onTestFinished(broker.stop)
  const { port } = await broker.start()
  const connect = (user: string) =>
    openClient(`mqtt://127.0.0.1:${port}`, { username: user, password: 'aright', clientId: user })
  const writer = await openClient(`mqtt://127.0.0.1:${port}`, { username: 'ada', password: 'aright' })
  const sees = async (user: string, topic: string): Promise<boolean> => {
    const { client, received, expect: until } = await connect(user)
    const end = `longshore/v1/${user === 'gw-2' ? user : 'gw-1'}/command/end`
    await client.subscribeAsync(end, { qos: 1 })
    const granted = await client.subscribeAsync(topic, { qos: 1 }).catch(() => undefined)
    if (granted === undefined) return false
    // It may subscribe to more than it is given.
    for (const each of [topic, end]) await writer.client.publishAsync(each, 'seen', { qos: 1 })
    await until(end)
    return received.some((message) => message.topic === topic)
  }
  const writes = async (user: string, topic: string): Promise<boolean> => {
    const { client, isClosed } = await connect(user)
    let isAnswered = false
    client.publish(topic, 'x', { qos: 1 }, (error) => {
      isAnswered = error === undefined || error === null
    })
    await eventually('an answer', () => isAnswered || isClosed(), { everyMs: 1 })
    await client.endAsync(true)
    return isAnswered
  }
  const found: Record<string, Record<string, string>> = {}
  const expected: typeof found = {}
  for (const [shown, topic] of Object.entries(roleTopics))
    for (const [role, user] of Object.entries(users)) {
      const [isWriter, isReader] = [await writes(user, topic), await sees(user, topic)]
      const cell = isWriter ? (isReader ? 'both' : 'writes') : isReader ? 'reads' : ''
      found[shown] = { ...found[shown], [role]: cell }
      expected[shown] = { ...expected[shown], [role]: roleCell(roleColumns[role] ?? { kind: 'all' }, topic) }
    }
  expect(found).toEqual(expected)
}, 30_000)
