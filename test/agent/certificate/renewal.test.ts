import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createRenewal, type RenewalInput } from '../../../agent/certificate/renewal.ts'
import { issueClient, newAuthority } from '../../../src/pki/authority.ts'
import { readRequest } from '../../../src/pki/certificate-request.ts'
import { digestOfKeyPem, readCertificate } from '../../../src/pki/read-certificate.ts'
import { topicsUnder } from '../../../src/protocol/topics.ts'
import { eventually } from '../../support/eventually.ts'

const hourMs = 3_600_000
const topics = topicsUnder('longshore')

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const open = async (more: Partial<RenewalInput> = {}) => {
  const authority = await newAuthority(Date.now())
  const asked: { request?: string }[] = []
  const written: string[] = []
  let isUp = true
  const renewal = createRenewal({
    device: 'gw-1',
    topics,
    link: () => ({
      isConnected: () => isUp,
      subscribe: async () => undefined,
      publish: async (_topic, payload) => void asked.push(JSON.parse(payload.toString())),
    }),
    files: { authority: async () => authority.certificate, replace: async (text) => void written.push(text) },
    nowMs: () => 0,
    monotonicMs: () => performance.now(),
    random: () => 0,
    log: pino({ level: 'silent' }),
    ...more,
  })
  const answer = (fields: object): void =>
    renewal.onResponse(Buffer.from(JSON.stringify({ schema: 1, at: 1, ...fields })))
  const issue = (commonName = 'gw-1', by = authority) =>
    issueClient(by, { request: asked.at(-1)?.request ?? '', commonName, notAfter: Date.now() + hourMs })
  const setUp = (to: boolean): void => {
    isUp = to
  }
  return { renewal, asked, written, answer, issue, setUp, by: authority, authority: authority.certificate }
}

type Opened = Awaited<ReturnType<typeof open>>

/** What was answered is heard in a turn that follows. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

test('asks when, again when it was told to, and once a day: clocks are set, and devices sleep', async () => {
  const { renewal, asked, answer } = await open()
  renewal.onReady()
  await pass(0)
  renewal.onReady()
  await pass(0)
  expect(asked).toEqual([{ schema: 1, at: 0 }])
  answer({ renewInMs: 40 * 24 * hourMs })
  await settled()
  await pass(24 * hourMs - 1)
  expect(asked).toHaveLength(1)
  await pass(1)
  expect(asked).toHaveLength(2)
  answer({ renewInMs: 5 * hourMs })
  await settled()
  await pass(5 * hourMs)
  expect(asked).toHaveLength(3)
})

test('a certificate that could not be written is asked for with the same key, so that it comes again', async () => {
  let isFull = true
  const written: string[] = []
  const site = await open()
  const { renewal, asked, answer, issue } = await open({
    files: {
      authority: async () => site.authority,
      replace: async (text) => {
        if (isFull) throw new Error('no space left')
        written.push(text)
      },
    },
  })
  renewal.onReady()
  await pass(0)
  answer({ renewInMs: 0 })
  await eventually('a request', () => asked[1]?.request)
  const certificate = await issue('gw-1', site.by)
  answer({ certificate, renewInMs: hourMs })
  await settled()
  await pass(hourMs)
  isFull = false
  answer({ renewInMs: 0 })
  await eventually('another request', () => asked[3]?.request)
  const keys = await Promise.all([asked[1], asked[3]].map((one) => readRequest(one?.request ?? '')))
  expect(keys[1]?.key).toBe(keys[0]?.key)
  answer({ certificate, renewInMs: hourMs })
  await eventually('the file', () => written[0])
})

test('until there is a connection with it, a new certificate is not asked about: the broker would judge the old one', async () => {
  const { renewal, asked, written, answer, issue } = await open()
  renewal.onReady()
  await pass(0)
  answer({ renewInMs: 0 })
  await eventually('a request', () => asked[1]?.request)
  answer({ certificate: await issue(), renewInMs: 100 * 24 * hourMs })
  await eventually('the file', () => written[0])
  await settled()
  await pass(10 * 24 * hourMs)
  expect(asked).toHaveLength(2)
  renewal.onReady()
  await pass(24 * hourMs)
  expect(asked).toHaveLength(3)
})

test('when it is due a new key asks for the certificate, and both are put into one file', async () => {
  const { renewal, asked, written, answer, issue } = await open()
  renewal.onReady()
  await pass(0)
  answer({ renewInMs: 0 })
  await eventually('a request', () => asked[1]?.request)
  const request = await readRequest(asked[1]?.request ?? '')
  expect(request).toMatchObject({ commonName: 'gw-1' })
  answer({ certificate: await issue(), renewInMs: hourMs })
  await eventually('the file', () => written[0])
  await settled()
  expect(digestOfKeyPem(written[0] ?? '')).toBe(request?.key)
  expect(readCertificate(written[0] ?? '')).toMatchObject({ commonName: 'gw-1', key: request?.key })
  // Once more, as a broker may send it: it is no answer to anything.
  answer({ certificate: await issue(), renewInMs: hourMs })
  await settled()
  expect(written).toHaveLength(1)
  await pass(hourMs)
  expect(asked).toHaveLength(3)
})

test.each([
  ['of another authority', async ({ issue }: Opened) => issue('gw-1', await newAuthority(0))],
  ['for another device', ({ issue }: Opened) => issue('gw-2')],
  ['that is none', async () => 'x'],
])('a certificate %s is not taken; the one in use stays, and it is asked again later', async (_what, make) => {
  const site = await open()
  site.renewal.onReady()
  await pass(0)
  site.answer({ renewInMs: 0 })
  await eventually('a request', () => site.asked[1]?.request)
  site.answer({ certificate: await make(site), renewInMs: hourMs })
  await settled()
  expect(site.written).toEqual([])
  await pass(hourMs)
  expect(site.asked).toHaveLength(3)
  site.answer({ renewInMs: 0 })
  await eventually('a request', () => site.asked[3]?.request)
  site.answer({ certificate: await site.issue(), renewInMs: hourMs })
  await eventually('the file', () => site.written[0])
})

test('a broker that says no, says nothing, or cannot be reached is asked again after an hour, and no sooner', async () => {
  const { renewal, asked, answer, setUp } = await open()
  renewal.onReady()
  await pass(0)
  answer({ reason: { code: 'enrolment-refused', message: 'no' } })
  renewal.onReady()
  await pass(hourMs - 1)
  expect(asked).toHaveLength(1)
  await pass(1)
  expect(asked).toHaveLength(2)
  setUp(false)
  await pass(5 * hourMs)
  expect(asked).toHaveLength(2)
  setUp(true)
  renewal.onReady()
  await pass(0)
  expect(asked).toHaveLength(3)
  renewal.onResponse(Buffer.from('rubbish'))
  renewal.stop()
  await pass(24 * hourMs)
  expect(asked).toHaveLength(3)
})

test('a fleet that was made on one day does not come as one', async () => {
  const { renewal, asked, answer } = await open({ random: () => 0.5 })
  renewal.onReady()
  await pass(0)
  answer({ renewInMs: 20 * hourMs })
  await settled()
  await pass(21 * hourMs - 1)
  expect(asked).toHaveLength(1)
  await pass(1)
  expect(asked).toHaveLength(2)
})
